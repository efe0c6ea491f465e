"""Pictures find their label images by their path without ending; what has no partner is named."""

import pytest

from digits_core.data.pairs import pair, stem
from digits_core.errors import BadData


def test_partners_share_their_relative_path() -> None:
    found = pair(["b/2.jpg", "a/1.jpg", "a/x.jpg"], ["a/1.png", "b/2.gt.png", "b/2.png"])
    assert found.both == [("b/2.jpg", "b/2.png"), ("a/1.jpg", "a/1.png")]
    assert (found.pictures_alone, found.labels_alone) == (["a/x.jpg"], ["b/2.gt.png"])


def test_two_files_that_differ_in_their_ending_only_are_refused() -> None:
    with pytest.raises(BadData, match=r"Two label images .* a/1\.png and a/1\.bmp"):
        pair(["a/1.jpg"], ["a/1.png", "a/1.bmp"])


def test_nothing_that_fits_is_refused_with_examples_of_both_sides() -> None:
    with pytest.raises(BadData, match=r"Pictures: 0\.jpg, 1\.jpg, .* and 2 more\. Label images: none\."):
        pair([f"{i}.jpg" for i in range(12)], [])


def test_hidden_files_and_files_without_ending_keep_their_names() -> None:
    assert [stem(name) for name in (".x", "a/.x", "a.b/c", "a.b.png")] == [".x", "a/.x", "a.b/c", "a.b"]

"""Changes are checked row by row before a version is queued."""

import pytest

from digits_core.data.edits import Edits, checked
from digits_core.errors import InvalidOptions

WRONG = [
    ({"do": "eat", "split": "train", "index": 0}, "do must be one of"), ("x", "an object"),
    ({"do": "exclude", "split": "test", "index": 0}, "split must be one of train, val"),
    ({"do": "exclude", "split": [], "index": 0}, "split must"),
    ({"do": "exclude", "split": "val", "index": True}, "index must"),
    ({"do": "exclude", "split": "val", "index": 99}, "from 0 to 8"),
    ({"do": "exclude", "split": "val", "path": "x"}, "there is no picture 'x'"),
    ({"do": "exclude", "split": "val", "path": 3}, "there is no picture"),
    ({"do": "relabel", "split": "val", "index": 0, "label": "bird"}, "one of the 2 classes"),
    ({"do": "relabel", "split": "val", "index": 0, "label": -1}, "label"),
    ({"do": "move", "split": "val", "index": 0, "to": "x"}, "to must"),
    ({"do": "move", "split": "val", "index": 0, "more": "x"}, "an object")]


def check(rows: object) -> list[dict]:
    return checked(rows, ["cat", "dog"], {"train": 9, "val": 9}, {"val": {"a.png": 4}})


@pytest.mark.parametrize(("edit", "words"), WRONG)
def test_a_wrong_change_is_told_with_its_number(edit: object, words: str) -> None:
    with pytest.raises(InvalidOptions, match=f"Change 2: .*{words}"):
        check([{"do": "exclude", "split": "val", "path": "a.png"}, edit])


@pytest.mark.parametrize("rows", [[], {}, None, "x"])
def test_no_changes_are_refused(rows: object) -> None:
    with pytest.raises(InvalidOptions, match="at least one"):
        check(rows)


def test_many_wrong_changes_are_counted() -> None:
    with pytest.raises(InvalidOptions, match="and 30 more"):
        check([1] * 50)


def test_names_become_numbers_and_the_later_change_counts() -> None:
    rows = check([{"do": "relabel", "split": "val", "path": "a.png", "label": "dog"},
                  {"do": "relabel", "split": "val", "index": 4, "label": 0},
                  {"do": "move", "split": "val", "index": 4, "to": "val"}])
    edits = Edits.of(rows)
    assert (edits.labels, edits.moved, edits.excluded) == ({"val": {4: 0}}, {}, {})

"""Text lists in every form that editors and scripts leave behind."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits_core.data import lists
from digits_core.data.entries import Entries
from digits_core.errors import BadData


def read(tmp_path: Path, content: bytes, classes: int | None = None, base: str = "/data") -> list[tuple[str, int]]:
    (tmp_path / "train.txt").write_bytes(content)
    entries = Entries(tmp_path / "x.entries", base)
    lists.read(tmp_path / "train.txt", entries, classes, lambda: None)
    return [(entries.location(place), entries.label(place)) for place in range(len(entries))]


@pytest.mark.parametrize(("line", "path", "label"), [
    ("a.png 0", "/data/a.png", 0),
    ("a.png\t1", "/data/a.png", 1),
    ("a.png  2 ", "/data/a.png", 2),
    ("my cat 1.png 3", "/data/my cat 1.png", 3),
    ("my cat 1.png\t3", "/data/my cat 1.png", 3),
    (" leading.png\t3", "/data/ leading.png", 3),
    ('"quoted name.png" 3', "/data/quoted name.png", 3),
    ("/abs/a.png 4", "/abs/a.png", 4),
    ("ü/é.png 5", "/data/ü/é.png", 5),
    ("http://x/a%20b.png 6", "http://x/a%20b.png", 6),
    ("-rf 7", "/data/-rf", 7),
    ("~/a.png 8", "/data/~/a.png", 8),
])
def test_one_line(tmp_path: Path, line: str, path: str, label: int) -> None:
    assert read(tmp_path, line.encode()) == [(path, label)]


@pytest.mark.parametrize("content", [
    b"a.png 0\nb.png 1\n", b"a.png 0\nb.png 1", b"\xef\xbb\xbfa.png 0\nb.png 1\n", b"a.png 0\r\nb.png 1\r\n",
    b"a.png 0\rb.png 1\r", b"\n\na.png 0\n  \nb.png 1\n\n", "a.png 0\nb.png 1\n".encode("utf-16"),
    b"a.png\t0\r\nb.png\t1\r\n"])
def test_marks_line_ends_and_blank_lines_do_not_matter(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path, content) == [("/data/a.png", 0), ("/data/b.png", 1)]


def test_bytes_that_are_no_text_stay_exact(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xff\xfe\xfd"[2:] + b"\xe9.png 0\n") == [("/data/\udcfd\udce9.png", 0)]


@pytest.mark.parametrize(("line", "words"), [
    ("a.png", "no path and label"), ("a.png x", "not a label number"), ("a.png -1", "not a number from 0"),
    ("a.png 1.5", "not a label number"), ("a.png 99999999999", "too large"), (" 3", "no path and label"),
    ("a\0b.png 1", "zero byte"), ("a.png ³", "not a number|not a label")])
def test_a_wrong_line_is_named_with_its_number(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(BadData, match=f"(?s)1 of 3 lines are wrong.*line 2: .*({words})"):
        read(tmp_path, f"ok.png 0\n{line}\nok.png 1\n".encode())


def test_a_label_beyond_the_labels_file_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="label 2: the labels file ends at 1"):
        read(tmp_path, b"a.png 2\n", classes=2)


def test_the_first_twenty_wrong_lines_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"(?s)100 of 100 lines.*line 20: .*and 80 more") as caught:
        read(tmp_path, b"nonsense\n" * 100)
    assert "line 21" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_list_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadData, match="no lines"):
        read(tmp_path, content)


def test_a_file_that_is_no_list_ends_quickly(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="longer than"):
        read(tmp_path, b"x" * 3_000_000)


def test_an_address_as_base_gets_quoted_names(tmp_path: Path) -> None:
    assert read(tmp_path, "my cat/ü.png 0".encode(), base="http://h/data") == [("http://h/data/my%20cat/%C3%BC.png", 0)]


def test_labels_are_lines(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xef\xbb\xbfcat\r\n great dane \r\n\xc3\xbc\n\n\n")
    assert lists.read_labels(path) == ["cat", "great dane", "ü"]
    path.write_bytes(b"cat\n\ndog\n")
    with pytest.raises(BadData, match="line 2 is blank"):
        lists.read_labels(path)
    path.write_bytes(b"\n")
    with pytest.raises(BadData, match="empty"):
        lists.read_labels(path)


@given(st.binary(max_size=300))
def test_any_content_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    try:
        assert read(tmp_path_factory.getbasetemp(), content)
    except BadData as error:
        assert str(error).encode()


def test_entries_are_given_back_in_any_order(tmp_path: Path) -> None:
    entries = Entries(tmp_path / "x", "/base")
    for number in range(10_000):
        entries.add(f"/base/{number}\n.png", number % 7)
    names = [entries.name(entries.location(place)) for place in (9999, 0, 5000)]
    assert names == ["9999\n.png", "0\n.png", "5000\n.png"]
    assert len(entries) == 10_000 and entries.labels.tolist()[:8] == [0, 1, 2, 3, 4, 5, 6, 0]
    entries.close()

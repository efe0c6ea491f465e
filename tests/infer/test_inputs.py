import os
import unicodedata

import pytest

from digits_core.errors import BadData, DigitsError
from digits_core.infer.inputs import Input, Labels, find, read_input, read_inputs, write_inputs
from digits_core.infer.options import UPLOADED_LIST

LABELS = Labels(["cat", "große Katze", "7"])


def listed(tmp_path, text, image_folder="", encoding="utf-8"):
    (tmp_path / "l.txt").write_bytes(text.encode(encoding))
    options = {"method": "text", "image_list": str(tmp_path / "l.txt"), "image_folder": image_folder}
    return list(find(tmp_path, options, LABELS, []))


def test_lists_with_and_without_labels(tmp_path):
    found = listed(tmp_path, "a.png 0\nb c.png 2\n/x/d.png\tcat\ne.png\tgroße Katze\n\nf.png\nmy cat.png\n")
    assert [(one.image, one.truth) for one in found] == [
        ("a.png", "cat"), ("b c.png", "7"), ("/x/d.png", "cat"), ("e.png", "große Katze"), ("f.png", None),
        ("my cat.png", None)]
    assert found[0].source == str(tmp_path / "a.png")
    assert found[2].source == "/x/d.png"


def test_a_label_that_the_model_does_not_know_is_a_note_and_costs_no_row(tmp_path):
    one, = listed(tmp_path, "a.png\t99\n")
    assert (one.image, one.truth, one.note) == ("a.png", None, "label '99' is no class of the model")


def test_a_file_whose_name_ends_like_a_label_is_that_file(tmp_path):
    (tmp_path / "picture 2").write_bytes(b"")
    assert [one.image for one in listed(tmp_path, "picture 2\npicture 1\n")] == ["picture 2", "picture"]


def test_addresses_stay_addresses(tmp_path):
    one, two = listed(tmp_path, "https://host/a.png 0\nhttp://host/b.png\n")
    assert (one.source, one.truth) == ("https://host/a.png", "cat")
    assert two.source == "http://host/b.png"


def test_byte_order_marks_and_windows_line_ends_are_no_part_of_a_name(tmp_path):
    assert [one.image for one in listed(tmp_path, "\ufeffa.png 0\r\nb.png\r\n")] == ["a.png", "b.png"]


def test_names_that_are_no_utf8_are_found_and_shown(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    one, = find(tmp_path, {"method": "folder", "folder": str(tmp_path)}, LABELS, [])
    assert one.image == "\\xff.png"
    assert read_input(one.source, tmp_path, [], []) == b"x"


def test_class_folders_give_labels_in_any_normal_form(tmp_path):
    for name in ("cat/inner", unicodedata.normalize("NFD", "große Katze"), "other"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "x.JPG").write_bytes(b"")
    (tmp_path / "in" / "top.png").write_bytes(b"")
    (tmp_path / "in" / "notes.txt").write_bytes(b"")
    found = list(find(tmp_path, {"method": "folder", "folder": str(tmp_path / "in")}, LABELS, []))
    assert [(one.image.count("/"), one.truth) for one in found] == [
        (0, None), (2, "cat"), (1, "große Katze"), (1, None)]
    assert found[3].note == "folder 'other' is no class of the model"


def test_uploads_keep_their_names(tmp_path):
    (tmp_path / "uploads.json").write_text('{"names": ["../../evil.png", "b.png"]}')
    (tmp_path / "upload").mkdir()
    (tmp_path / "upload" / "000000").write_bytes(b"zero")
    first, second = find(tmp_path, {"method": "upload"}, LABELS, [])
    assert (first.image, second.image) == ("../../evil.png", "b.png")
    assert read_input(first.source, tmp_path, [], []) == b"zero"
    with pytest.raises(BadData, match="is not there"):
        read_input(second.source, tmp_path, [], [])


def test_an_uploaded_list_needs_whole_paths_or_a_folder(tmp_path):
    (tmp_path / "list.txt").write_text("a.png 0\n")
    options = {"method": "text", "image_list": UPLOADED_LIST, "image_folder": ""}
    one, = find(tmp_path, options, LABELS, [])
    with pytest.raises(BadData, match="relative path"):
        read_input(one.source, tmp_path, [], [])
    one, = find(tmp_path, {**options, "image_folder": str(tmp_path)}, LABELS, [])
    assert one.source == str(tmp_path / "a.png")


@pytest.mark.parametrize("source", ["/etc/passwd", "/proc/self/environ", "job:upload/../../x", "/roots_evil/x"])
def test_nothing_outside_the_roots_is_read(tmp_path, source):
    (tmp_path / "roots").mkdir()
    with pytest.raises(DigitsError):
        read_input(source, tmp_path / "job", [tmp_path / "roots"], [])


@pytest.mark.parametrize("line", ["{", "[]", "5", '{"image": "x"}', '{"image": "x", "source": "y", "evil": 1}'])
def test_a_damaged_list_of_inputs_is_a_sentence(tmp_path, line):
    (tmp_path / "inputs.jsonl").write_text(line + "\n")
    with pytest.raises(BadData, match="Clone the job"):
        list(read_inputs(tmp_path))


def test_the_list_is_made_once_and_a_limit_counts(tmp_path):
    (tmp_path / "in").mkdir()
    for n in range(5):
        (tmp_path / "in" / f"{n}.png").write_bytes(b"")
    options = {"method": "folder", "folder": str(tmp_path / "in"), "limit": 3}
    assert write_inputs(tmp_path, options, ["cat"], []) == 3
    (tmp_path / "in" / "0.png").unlink()
    assert write_inputs(tmp_path, options, ["cat"], []) == 3
    assert [one.image for one in read_inputs(tmp_path, 1)] == ["1.png", "2.png"]
    assert next(read_inputs(tmp_path)) == Input("0.png", str(tmp_path / "in" / "0.png"))

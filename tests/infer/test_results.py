import csv
import io
import json

import pytest

from digits_core.errors import NotFound
from digits_core.infer.results import Results, csv_lines
from digits_core.infer.score import score


def row(n, truth=None, said="cat", error=""):
    best = [] if error else [{"label": said, "probability": 0.75}, {"label": "cow", "probability": 0.25}]
    return {"n": n, "image": f"{n}.png", "source": f"/x/{n}.png", "truth": truth, "predictions": best,
            **({"error": error} if error else {})}


ROWS = [row(0, "cat"), row(1, "dog"), row(2, error="is empty"), row(3), row(4, "dog", "dog"), row(5, "cow", "dog")]


@pytest.fixture
def results(tmp_path):
    made = Results(tmp_path)
    made.append(ROWS[:4])
    made.append(ROWS[4:])
    return made


def test_pages_of_all_wrong_and_failed_rows(results):
    assert results.page(0, 3) == (ROWS[:3], 6)
    assert results.page(4, 10) == (ROWS[4:], 6)
    assert results.page(0, 10, "wrong") == ([ROWS[1], ROWS[5]], 2)
    assert results.page(1, 10, "wrong") == ([ROWS[5]], 2)
    assert results.page(0, 10, "failed") == ([ROWS[2]], 1)
    assert results.page(100, 10) == ([], 6)
    assert results.page(-5, 1) == ([ROWS[0]], 6)


def test_a_batch_without_rows_has_empty_pages(tmp_path):
    assert Results(tmp_path).page(0, 10) == ([], 0)
    assert Results(tmp_path).mend(1000) == 0
    with pytest.raises(NotFound):
        Results(tmp_path).row(0)


@pytest.mark.parametrize("torn", [b'{"n": 6, "ima', b"\x00" * 50, b"[1]\n", b'{"n": 6}'])
def test_a_torn_row_is_cut_off_by_the_next_writer(results, torn):
    with results.path.open("ab") as file:
        file.write(torn)
    assert results.mend(1000) == 6
    results.append([row(6)])
    assert [one["n"] for one in results] == list(range(7))
    assert results.page(6, 5) == ([row(6)], 7)


@pytest.mark.parametrize("index", [None, b"", b"abc", b"\xff" * 90, b"\x07" * 18])
def test_a_damaged_index_never_breaks_a_page_and_is_mended(results, index):
    results.index.unlink()
    if index is not None:
        results.index.write_bytes(index)
    assert len(results.page(0, 10).rows) <= 6
    assert results.mend(1000) == 6
    assert results.page(0, 10) == (ROWS, 6)


def test_rows_of_another_form_never_break_a_page(tmp_path):
    results = Results(tmp_path)
    odd = [{}, {"predictions": 5, "truth": "x"}, {"predictions": [1], "truth": 7}, {"image": ["x"], "error": 3}]
    results.path.write_text("".join(json.dumps(one) + "\n" for one in odd))
    assert results.page(0, 10).total == 4
    assert b"".join(csv_lines(results, 2)).count(b"\n") == 5
    assert score(results, ["a", "b"])["pictures"] == 4


@pytest.mark.parametrize("name", ["predictions.jsonl", "predictions.index"])
def test_a_folder_in_place_of_a_file_never_breaks_a_page(results, name):
    path = results.path.with_name(name)
    path.unlink()
    path.mkdir()
    assert len(results.page(0, 10).rows) in (0, 6)
    assert len(list(results)) in (0, 6)


def test_csv_has_path_truth_labels_and_probabilities(results):
    table = list(csv.reader(io.StringIO(b"".join(csv_lines(results, 2)).decode())))
    assert table[0] == ["path", "truth", "error", "label1", "probability1", "label2", "probability2"]
    assert table[1] == ["0.png", "cat", "", "cat", "0.75", "cow", "0.25"]
    assert table[3] == ["2.png", "", "is empty", "", "", "", ""]
    assert len(table) == 7


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "=cmd|' /C calc'!A0"])
def test_csv_cells_are_never_formulas(name):
    evil = {"image": name, "truth": name, "predictions": [{"label": name, "probability": 0.5}], "error": name}
    cells = list(csv.reader(io.StringIO(b"".join(csv_lines([evil], 1)).decode())))[1]
    assert cells == [f"'{name}", f"'{name}", f"'{name}", f"'{name}", "0.5"]


def test_key_figures_are_counted_by_hand():
    figures = score(ROWS, ["cat", "dog", "cow"])
    assert (figures["pictures"], figures["failed"], figures["labelled"]) == (6, 1, 4)
    assert figures["accuracy"] == 0.5
    assert figures["top5"] == 0.75
    assert figures["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert figures["per_class"][1] == {"label": "dog", "entries": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}


def test_without_labels_there_is_no_accuracy():
    assert score([row(0), row(1, error="x")], ["cat"]) == {"v": 1, "pictures": 2, "failed": 1, "labelled": 0}

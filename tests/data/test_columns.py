"""Tables of numbers: every line counts, and what is wrong is named with its line and column."""

from pathlib import Path

import numpy as np
import pytest

from digits_core.data.columns import Row, columns_of, gradient_pixels, gradients, rows
from digits_core.errors import BadData


def table(folder: Path, text: str) -> Path:
    path = folder / "angles.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_gives_its_pictures_with_their_numbers(tmp_path: Path) -> None:
    path = table(tmp_path, "\ufeffpath,angle,note,speed\na.png,1.5,x,-2e3\n\n\"b, c.png\",0,y,7\n")
    assert columns_of(path, "", ["angle", "speed"]) == ["angle", "speed"]
    assert list(rows(path, "path", ["angle", "speed"])) == [Row("a.png", [1.5, -2000.0]), Row("b, c.png", [0.0, 7.0])]


def test_without_a_choice_every_other_column_is_a_number(tmp_path: Path) -> None:
    path = table(tmp_path, "x,file,y\n1,a.png,2\n")
    assert columns_of(path, "file", []) == ["x", "y"]
    assert list(rows(path, "file", ["x", "y"])) == [Row("a.png", [1.0, 2.0])]


@pytest.mark.parametrize(("text", "said"), [
    ("path,angle\na.png,1\nb.png,up\n", "line 3, column 'angle': 'up' is not a number"),
    ("path,angle\na.png,nan\n", "line 2, column 'angle'"), ("path,angle\na.png,1e400\n", "line 2, column 'angle'"),
    ("path,angle\na.png\n", "line 2: 1 cells instead of 2"), ("path\na.png\n", "line 1: the names of at least two"),
    ("path,path\na,1\n", "line 1"), ("", "line 1")])
def test_a_wrong_line_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadData, match=said):
        list(rows(table(tmp_path, text), "", columns_of(tmp_path / "angles.csv", "", [])))


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no column 'angel'; there are path, angle"):
        columns_of(table(tmp_path, "path,angle\n"), "", ["angel"])


def test_a_made_up_gradient_rises_by_its_slopes() -> None:
    pixels = gradient_pixels([0.5, -0.25], 50, 50)[0].astype(float)
    assert pixels[25, -1] - pixels[25, 0] == pytest.approx(127.5, abs=1)
    assert pixels[-1, 25] - pixels[0, 25] == pytest.approx(-63.75, abs=1)
    assert list(gradients(5, 3)) == list(gradients(5, 3)) != list(gradients(5, 4))
    assert np.abs(list(gradients(500, 1))).max() <= 0.5

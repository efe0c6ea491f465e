"""Masks are shown where they are, in the colours that were asked for, with a legend that says so."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digits_core.data.pictures import to_png
from digits_core.views import Bars, Picture, panels, segmentation
from digits_core.views.segmentation import LARGEST, ViewOptions, borders, drawn, hexadecimal, painted, safe
from tests.data.shapes import COLOURS, LABELS, shapes

PICTURES, MASKS = shapes(1, 40)
MASK = MASKS[0]


def answer(mask: np.ndarray = MASK, colours: list[tuple[int, int, int]] | None = None) -> dict[str, Any]:
    """As the answerer gives it, the largest class first."""
    rows = [{"class": k, "label": LABELS[k], "share": float((mask == k).mean())} for k in range(3)]
    if colours:
        rows = [{**row, "colour": list(colours[row["class"]])} for row in rows]
    return {"mask": base64.b64encode(to_png(mask[None])).decode(), "classes": sorted(rows, key=lambda r: -r["share"])}


def shown(options: dict[str, Any], found: dict[str, Any] | None = None, size: int = 40) -> list[np.ndarray]:
    image = Image.fromarray(PICTURES[0, 0]).resize((size, size))
    made = [panel for panel in panels(segmentation, image, found or answer(), options) if isinstance(panel, Picture)]
    return [np.asarray(Image.open(io.BytesIO(panel.png))) for panel in made]


def test_at_full_opacity_the_picture_shows_the_classes_and_the_background_as_it_was() -> None:
    over, alone = shown({"opacity": 1})
    grey = np.stack([PICTURES[0, 0]] * 3, -1)
    assert np.array_equal(over, np.where((MASK == 0)[..., None], grey, np.array([safe(k) for k in range(3)])[MASK]))
    assert np.array_equal(alone, np.array([safe(k) for k in range(3)])[MASK])


def test_at_no_opacity_only_lines_are_left_inside_of_the_areas() -> None:
    nothing, _ = shown({"opacity": 0, "line_width": 0})
    assert np.array_equal(nothing, np.stack([PICTURES[0, 0]] * 3, -1))
    lines, _ = shown({"opacity": 0, "line_width": 2})
    changed = (lines != nothing).any(-1)
    inner = changed & (MASK == 1)
    assert changed.any() and not (changed & (MASK == 0)).any() and inner.sum() < (MASK == 1).sum()
    assert (lines[inner] == safe(1)).all()


def test_half_opacity_is_half_way() -> None:
    picture, mask = np.full((2, 2, 3), 100, np.uint8), np.array([[0, 1], [255, 1]], np.uint8)
    found = painted(picture, mask, [(0, 0, 0), (200, 0, 100)], 0.5, 0, (0,))
    assert found.tolist() == [[[100] * 3, [150, 50, 100]], [[100] * 3, [150, 50, 100]]]


def test_the_datasets_colours_are_used_unless_others_are_asked_for() -> None:
    mine = [(1, 2, 3), (10, 20, 30), (40, 50, 60)]
    for which, expected in (("dataset", mine), ("safe", [safe(k) for k in range(3)]),
                            ("grey", [(0, 0, 0), (128, 128, 128), (255, 255, 255)])):
        _, alone = shown({"colours": which}, answer(colours=mine))
        assert np.array_equal(alone, np.array(expected)[MASK])


def test_one_class_can_be_shown_alone_and_the_background_be_coloured() -> None:
    over, _ = shown({"opacity": 1, "line_width": 0, "only": "square"})
    plain, _ = shown({"opacity": 0, "line_width": 0})
    assert ((over != plain).any(-1) <= (MASK == 2)).all() and (over[MASK == 2] == safe(2)).all()
    over, _ = shown({"opacity": 1, "background": True})
    assert (over[MASK == 0] == safe(0)).all()


def test_the_legend_names_classes_with_their_share_and_colour() -> None:
    mask = np.minimum(MASK, 1)
    [bars] = [panel for panel in panels(segmentation, Image.new("L", (40, 40)), answer(mask, COLOURS), {})
              if isinstance(panel, Bars)]
    assert [name for name, _ in bars.rows] == ["background", "disc"]
    assert bars.rows[1][1] == pytest.approx((MASK > 0).mean())
    assert list(bars.colors) == [hexadecimal(COLOURS[0]), hexadecimal(COLOURS[1])]


@pytest.mark.slow
def test_large_pictures_are_shown_smaller_and_masks_follow() -> None:
    large = np.kron(MASK, np.ones((50, 50), np.uint8))
    over, alone = shown({"opacity": 1}, answer(large), 2000)
    assert over.shape == alone.shape == (LARGEST, LARGEST, 3)
    assert set(map(tuple, alone.reshape(-1, 3).tolist())) == {safe(k) for k in range(3)}


def test_borders_are_where_classes_meet_and_not_at_the_edge() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[:, 5:] = 1
    assert borders(mask, 2).tolist() == [[3 <= x <= 6 for x in range(9)]] * 9
    assert not borders(np.ones((5, 5), np.uint8), 3).any()


def test_many_classes_have_many_colours() -> None:
    assert len({safe(k) for k in range(40)}) == 40


@pytest.mark.parametrize("channels", [1, 3])
def test_a_datasets_picture_is_drawn_with_its_mask(channels: int) -> None:
    pixels = np.repeat(PICTURES[0], channels, 0)
    facts = {"labels": LABELS, "details": {"rule": {"colours": COLOURS}}}
    found = drawn(pixels, MASK, facts)
    assert found.shape == (3, 40, 40) and found.dtype == np.uint8
    assert np.array_equal(found[:, MASK == 0], np.broadcast_to(PICTURES[0], (3, 40, 40))[:, MASK == 0])
    edge = borders(MASK, 1) & (MASK == 2)
    assert (COLOURS[2] == found[:, edge].T).all()
    assert np.array_equal(drawn(pixels, MASK, {"labels": LABELS}),
                          drawn(pixels, MASK, {"labels": LABELS, "details": {}}))


def test_the_options_have_defaults_that_show_something() -> None:
    assert ViewOptions().opacity > 0 and ViewOptions().line_width > 0

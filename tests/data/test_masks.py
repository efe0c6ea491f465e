"""Label images become exactly the classes that were drawn, or are refused with what is wrong."""

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from digits_core.data.masks import IGNORED, Rule, fit, open_label, read
from digits_core.data.pictures import _side, prepare
from digits_core.errors import BadData
from tests.data.pictures import bad, png, saved
from tests.data.shapes import COLOURS, palette_image, shapes

MASK = shapes(1, 24)[1][0][:20]
"""20 x 24, classes 0 to 2."""
INDEX = Rule("index", 3)
BY_COLOUR = Rule("colours", 3, COLOURS)
RGB = Image.fromarray(np.array(COLOURS, np.uint8)[MASK])
GREY_MAP = Rule("colours", 3, [(9, 9, 9), (50, 50, 50), (255, 255, 255)])


def grey_png(values: np.ndarray, bits: int) -> bytes:
    """A grey PNG file with few bits a pixel, as Pillow does not write it."""
    rows = [b"\0" + np.packbits(np.unpackbits(row[:, None], axis=1)[:, 8 - bits:].ravel()).tobytes() for row in values]
    return png(values.shape[1], values.shape[0], zlib.compress(b"".join(rows)), depth=bits)


FORMS = {
    "a palette": (saved(palette_image(MASK)), INDEX),
    "a palette of 2 bits": (saved(palette_image(MASK), bits=2), INDEX),
    "a GIF": (saved(palette_image(MASK), "GIF", optimize=False), INDEX),
    "grey": (saved(Image.fromarray(MASK)), INDEX),
    "grey of 2 bits": (grey_png(MASK, 2), INDEX),
    "grey of 4 bits": (grey_png(MASK, 4), INDEX),
    "grey of 16 bits": (saved(Image.fromarray(MASK.astype(np.uint16))), INDEX),
    "an uncompressed TIFF": (saved(Image.fromarray(MASK), "TIFF"), INDEX),
    "32-bit integers": (saved(Image.fromarray(MASK.astype(np.int32)), "TIFF"), INDEX),
    "RGB by a map": (saved(RGB), BY_COLOUR),
    "RGBA by a map": (saved(RGB.convert("RGBA")), BY_COLOUR),
    "a transparent picture by a map": (saved(Image.merge("RGBA", [*RGB.split(), Image.fromarray(MASK)])), BY_COLOUR),
    "a palette by a map": (saved(palette_image(MASK[::-1].copy()[::-1])), BY_COLOUR),
    "grey by a map": (saved(Image.fromarray(np.array([9, 50, 255], np.uint8)[MASK])), GREY_MAP),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_label_image_gives_the_mask_that_was_drawn(form: str) -> None:
    data, rule = FORMS[form]
    mask = read(data, "x", rule)
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, MASK)


def test_a_rule_survives_json() -> None:
    rule = Rule("colours", 3, COLOURS, [(1, 2, 3)], [(4, 5, 6)])
    assert Rule.from_json(rule.to_json()) == rule


def test_255_is_ignored_in_indices_but_white_is_a_class_of_black_and_white() -> None:
    values = np.where(MASK == 2, 255, 0).astype(np.uint8)
    data = saved(Image.fromarray(values))
    assert np.array_equal(read(data, "x", INDEX), values)
    assert np.array_equal(read(data, "x", Rule("binary", 2)), MASK == 2)
    one_bit = saved(Image.fromarray(values).convert("1"))
    assert np.array_equal(read(one_bit, "x", Rule("binary", 2)), MASK == 2)
    assert np.array_equal(read(grey_png(values // 85, 2), "x", Rule("binary", 2)), MASK == 2)


def test_ignored_colours_become_255() -> None:
    rule = Rule("colours", 2, COLOURS[:2], [COLOURS[2]])
    assert np.array_equal(read(saved(RGB), "x", rule), np.where(MASK == 2, IGNORED, MASK))


def test_the_palette_of_more_colours_than_classes_is_read_by_number() -> None:
    voc = [(i, 255 - i, i // 2) for i in range(256)]
    values = np.where(MASK == 2, 255, MASK).astype(np.uint8)
    assert np.array_equal(read(saved(palette_image(values, voc)), "x", Rule("index", 21, voc[:21], [], voc)), values)


def test_a_value_that_is_no_class_is_told_with_its_file_and_its_pixels() -> None:
    values = MASK.copy()
    values[3, 4:7], values[5, 5] = 37, 9
    with pytest.raises(BadData, match=r"label image sub/1\.png holds values .* 37 in 3 pixels, 9 in 1 pixel\. "
                                      r"Known are 0 to 2, and 255 for what is ignored\.$"):
        read(saved(Image.fromarray(values)), "sub/1.png", INDEX)


@pytest.mark.parametrize("form", ["RGB", "palette"])
def test_a_colour_that_is_no_class_is_told_with_its_pixels(form: str) -> None:
    image = RGB if form == "RGB" else palette_image(MASK)
    with pytest.raises(BadData, match=rf"colours that are no class: 86 180 233 in {(MASK == 2).sum()} pixels"):
        read(saved(image), "x", Rule("colours", 2, COLOURS[:2]))


def test_values_of_more_than_8_bits_match_no_colour() -> None:
    values = np.full((4, 4), 65535, np.uint16)
    with pytest.raises(BadData, match="65535 in 16 pixels"):
        read(saved(Image.fromarray(values)), "x", Rule("colours", 1, [(255, 254, 255)]))


def test_what_a_lossy_format_has_changed_is_refused_with_that_hint() -> None:
    values = np.where(MASK == 2, 255, 0).astype(np.uint8)
    with pytest.raises(BadData, match=r"more values.*use PNG"):
        read(saved(Image.fromarray(values), "JPEG", quality=40), "x.jpg", Rule("binary", 2))


def test_colours_where_numbers_are_expected_are_refused_with_what_to_do() -> None:
    with pytest.raises(BadData, match=r"a\.png is a colour picture.*colour map file"):
        read(saved(RGB), "a.png", INDEX)


def test_another_palette_is_refused_only_where_it_changes_a_class_in_use() -> None:
    rule = Rule("index", 3, COLOURS, [], COLOURS)
    other = saved(palette_image(MASK, [COLOURS[0], COLOURS[2], COLOURS[1]]))
    with pytest.raises(BadData, match=r"another palette.*class 1 is 86 180 233 here and 230 159 0 there"):
        read(other, "x", rule)
    unused = saved(palette_image(np.minimum(MASK, 1), [*COLOURS[:2], (1, 1, 1)]))
    assert np.array_equal(read(unused, "x", rule), np.minimum(MASK, 1))


@pytest.mark.parametrize("name", bad())
def test_hostile_files_are_refused_with_their_name(name: str) -> None:
    with pytest.raises(BadData, match="The label image"):
        read(bad()[name][0], name, INDEX)


def test_a_label_image_is_turned_as_its_picture_would_be() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(palette_image(MASK).transpose(Image.Transpose.ROTATE_90), exif=exif)
    label = open_label(data, "x")
    assert label.palette is not None
    assert np.array_equal(label.values, MASK)


def test_a_file_on_disk_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(palette_image(MASK)))
    assert np.array_equal(read(tmp_path / "a.png", "a.png", INDEX), MASK)
    with pytest.raises(BadData, match=r"label image b\.png"):
        read(tmp_path / "b.png", "b.png", INDEX)


def placed(size: tuple[int, int], width: int, height: int, mode: str) -> tuple[float, float, float, float]:
    """Where ``prepare`` puts a picture."""
    ratios = size[0] / width, size[1] / height
    if mode == "squash":
        return 1 / ratios[0], 1 / ratios[1], 0, 0
    scale = {"crop": min(ratios), "fill": max(ratios), "half": sum(ratios) / 2}[mode]
    found = []
    for own, target in zip(size, (width, height), strict=True):
        inner, start, end = _side(own, target, scale)
        factor = inner / (end - start)
        found.append((factor, (target - inner) // 2 - start * factor))
    return found[0][0], found[1][0], found[0][1], found[1][1]


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 60), st.integers(1, 60),
       st.sampled_from(["squash", "crop", "fill", "half"]))
def test_a_fitted_mask_covers_exactly_what_the_picture_covers(w: int, h: int, width: int, height: int,
                                                             mode: str) -> None:
    picture = Image.fromarray(np.full((h, w, 3), 255, np.uint8))
    shown = (prepare(picture, "color", width, height, mode) == 255).all(0)
    mask = fit(np.zeros((h, w), np.uint8), width, height, placed((w, h), width, height, mode))
    assert mask.shape == (height, width)
    assert ((mask == 0) == shown).mean() > 1 - 1e-6  # noise is white by chance in 1 of 17 million pixels


@pytest.mark.parametrize("mode", ["squash", "crop", "fill", "half"])
@pytest.mark.parametrize("target", [(24, 20), (60, 20), (11, 31), (48, 40)])
def test_a_fitted_mask_shows_the_same_edges_as_the_picture(mode: str, target: tuple[int, int]) -> None:
    ramp = np.add.outer(np.arange(90), np.arange(120)).astype(np.uint8)
    picture = prepare(Image.fromarray(ramp), "gray", *target, mode)[0]
    mask = fit(ramp, *target, placed((120, 90), *target, mode))
    shown = mask != IGNORED
    steps = max(120 / target[0], 90 / target[1])
    assert np.abs(picture.astype(int) - mask)[shown].max() <= 2 * steps + 1


def test_the_same_size_is_left_as_it_is() -> None:
    assert np.array_equal(fit(MASK, 24, 20, (1, 1, 0, 0)), MASK)

"""Four resize modes, one way to make pixels, and encodings that keep what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from digits_core.data.pictures import (
    RESIZE_MODES,
    decode,
    pack_pixels,
    placement,
    prepare,
    to_image,
    to_jpeg,
    to_png,
    unpack_pixels,
)
from digits_core.errors import BadData
from digits_core.safe import safe_image
from tests.data import pictures

MODES = st.sampled_from(RESIZE_MODES)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 40), st.integers(1, 40), MODES,
       st.sampled_from(["gray", "color"]))
def test_every_mode_gives_the_wanted_shape_and_always_the_same(
        width: int, height: int, to_width: int, to_height: int, mode: str, channels: str) -> None:
    image = Image.effect_noise((width, height), 60).convert("RGB")
    first = prepare(image, channels, to_width, to_height, mode)
    assert first.shape == (1 if channels == "gray" else 3, to_height, to_width) and first.dtype == np.uint8
    assert np.array_equal(first, prepare(image, channels, to_width, to_height, mode))


@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_a_picture_that_fits_is_not_touched(mode: str) -> None:
    pixels = prepare(pictures.colour(), "color", 12, 8, mode)
    assert np.array_equal(pixels, np.asarray(pictures.colour()).transpose(2, 0, 1))


def wide() -> Image.Image:
    """40 x 20: left quarter black, middle half grey, right quarter white."""
    image = Image.new("L", (40, 20), 128)
    image.paste(0, (0, 0, 10, 20))
    image.paste(255, (30, 0, 40, 20))
    return image


def test_squash_shows_all_of_it() -> None:
    row = prepare(wide(), "gray", 20, 20, "squash")[0, 10]
    assert row[0] == 0 and row[10] == 128 and row[19] == 255


def test_crop_shows_the_middle_only() -> None:
    assert set(prepare(wide(), "gray", 20, 20, "crop")[0, :, 1:19].ravel()) == {128}


def test_fill_shows_all_of_it_between_bars_of_noise() -> None:
    pixels = prepare(wide(), "gray", 20, 20, "fill")[0]
    assert pixels[10, 0] == 0 and pixels[10, 10] == 128 and pixels[10, 19] == 255
    assert pixels[:5].std() > 40 and pixels[15:].std() > 40 and pixels[5:15, 8:12].std() == 0


def test_half_crops_one_side_and_pads_the_other() -> None:
    pixels = prepare(wide(), "gray", 20, 20, "half")[0]
    # scale 1.5: 26.7 x 13.3; 3.3 columns are cut on each side, 3 rows of noise stand above and below
    assert pixels[10, 0] == 0 and pixels[10, 19] == 255 and pixels[10, 4] not in (0, 255)
    assert pixels[:3].std() > 40 and pixels[17:].std() > 40 and pixels[4:16, 9:11].std() == 0


def test_noise_depends_on_the_picture_and_the_seed_alone() -> None:
    other = wide().point(lambda value: value // 2)
    first, second = (prepare(image, "gray", 20, 20, "fill")[0, :4] for image in (wide(), other))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, prepare(wide(), "gray", 20, 20, "fill", seed=1)[0, :4])


def test_grey_and_colour_are_converted_both_ways() -> None:
    grey = prepare(pictures.colour(), "gray", 12, 8, "squash")
    assert np.array_equal(grey[0], np.asarray(pictures.colour().convert("L")))
    colour = prepare(pictures.grey(), "color", 12, 8, "squash")
    assert all(np.array_equal(plane, np.asarray(pictures.grey())) for plane in colour)


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 3]), st.sampled_from(["png", "none"]))
def test_lossless_encodings_give_back_every_pixel(width: int, height: int, depth: int, encoding: str) -> None:
    pixels = np.random.default_rng(width).integers(0, 256, (depth, height, width), np.uint8)
    payload = pack_pixels(pixels, encoding)
    kind = "raw" if encoding == "none" else encoding
    assert np.array_equal(unpack_pixels(payload, kind, (depth, height, width)), pixels)
    if encoding == "png":
        assert safe_image(payload, "x.png").image.tobytes() == to_image(pixels).tobytes(), "a real PNG for others"


def test_pngs_of_other_programs_are_unpacked_too() -> None:
    payload = pictures.saved(pictures.colour(), optimize=True)
    wanted = prepare(pictures.colour(), "color", 12, 8, "squash")
    assert np.array_equal(unpack_pixels(payload, "png", (3, 8, 12)), wanted)


def test_jpeg_is_close_and_its_quality_counts() -> None:
    pixels = prepare(pictures.colour().resize((120, 80)), "color", 120, 80, "squash")
    good, small = (to_jpeg(pixels, quality) for quality in (95, 20))
    assert len(small) < len(good)
    assert np.abs(unpack_pixels(good, "jpeg", (3, 80, 120)).astype(int) - pixels).mean() < 5


@given(st.binary(max_size=200), st.sampled_from(["png", "jpeg", "raw"]))
def test_a_damaged_payload_is_bad_data(payload: bytes, encoding: str) -> None:
    if len(payload) == 12:
        return
    with pytest.raises(BadData):
        unpack_pixels(payload, encoding, (1, 3, 4))


def test_decode_and_thumbnails_are_what_pages_use() -> None:
    image, notes = decode(to_png(prepare(pictures.colour(), "color", 12, 8, "squash")), "x.png")
    assert image.tobytes() == pictures.colour().tobytes() and notes == []


@pytest.mark.parametrize(("mode", "size", "scale"), [
    ("pad", (40, 30), (1, 1)), ("pad", (128, 60), (0.5, 0.5)), ("pad 128x96", (40, 30), (0.5, 0.5)),
    ("pad 128x48", (40, 30), (0.5, 1)), ("pad 32x24", (64, 24), (1, 1)), ("pad 32x24", (32, 20), (2, 2))])
def test_padding_puts_it_at_the_top_left_on_black_and_says_where(mode: str, size: tuple[int, int],
                                                                 scale: tuple[float, float]) -> None:
    made = prepare(Image.new("L", size, 200), "gray", 64, 48, mode)[0]
    assert placement(size, 64, 48, mode) == (*scale, 0, 0)
    width, height = round(size[0] * scale[0]), round(size[1] * scale[1])
    assert (made[:height - 1, :width - 1] == 200).all()
    assert (made[height + 1:] == 0).all() and (made[:, width + 1:] == 0).all()

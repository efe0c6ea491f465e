"""Every picture format and every hostile file has one defined outcome."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from digits_core.errors import BadData
from digits_core.safe import safe_image
from digits_core.safe.images import safe_size
from tests.data import pictures

BAD = pictures.bad()


@pytest.mark.parametrize(("kind", "name"), [("PNG", "a.png"), ("BMP", "a.bmp"), ("PPM", "a.ppm"), ("TIFF", "a.tif"),
                                            ("GIF", "a.gif")])
def test_grey_pictures_come_out_pixel_for_pixel(kind: str, name: str) -> None:
    image, notes = safe_image(pictures.saved(pictures.grey(), kind), name)
    assert image.convert("L").tobytes() == pictures.grey().tobytes() and notes == []


@pytest.mark.parametrize(("kind", "how"), [("PNG", {}), ("BMP", {}), ("PPM", {}), ("TIFF", {}),
                                           ("WEBP", {"lossless": True})])
def test_colour_pictures_come_out_pixel_for_pixel(kind: str, how: dict[str, object]) -> None:
    image, notes = safe_image(pictures.saved(pictures.colour(), kind, **how), "a")
    assert (image.mode, image.tobytes(), notes) == ("RGB", pictures.colour().tobytes(), [])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_all_eight_orientations_show_the_same_upright_picture(kind: str) -> None:
    found = []
    for number in range(1, 9):
        image, notes = safe_image(pictures.with_orientation(number, kind), "photo")
        assert image.size == (12, 8)
        # An orientation that swaps no sides is applied by Pillow itself for TIFF, without a trace.
        assert ("orientation" in notes) == (number > 1) or kind == "TIFF"
        found.append(np.asarray(image).astype(int))
    tolerance = 30 if kind == "JPEG" else 0
    assert all(np.abs(other - found[0]).max() <= tolerance for other in found)


def test_sixteen_bit_grey_keeps_its_high_byte() -> None:
    values = (pictures.RAMP * 257).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        image, notes = safe_image(pictures.saved(Image.fromarray(values), kind), "x")
        assert np.array_equal(np.asarray(image), values >> 8) and notes == ["16-bit"]


def test_sixteen_bit_pgm_keeps_its_high_byte() -> None:
    values = (pictures.RAMP * 257).astype(">u2")
    image, _ = safe_image(b"P5 12 8 65535\n" + values.tobytes(), "x.pgm")
    assert np.array_equal(np.asarray(image), values >> 8)


def test_float_pictures_in_0_to_1_and_0_to_255_are_read() -> None:
    for scale in (1.0, 255.0):
        values = (pictures.RAMP / 255 * scale).astype(np.float32)
        image, notes = safe_image(pictures.saved(Image.fromarray(values), "TIFF"), "x.tif")
        assert np.abs(np.asarray(image).astype(int) - np.rint(pictures.RAMP)).max() <= 1 and notes == ["float"]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_lie_on_white(mode: str) -> None:
    clear = Image.new(mode, (4, 4), (0,) * len(mode))
    image, notes = safe_image(pictures.saved(clear), "x.png")
    assert image.mode == ("L" if mode == "LA" else "RGB") and image.getextrema() in ((255, 255), ((255, 255),) * 3)
    assert notes == ["transparency"]


def test_a_transparent_palette_colour_lies_on_white() -> None:
    image = Image.new("P", (4, 4), 3)
    image.putpalette([9] * 768)
    out, notes = safe_image(pictures.saved(image, transparency=3), "x.png")
    assert out.getpixel((0, 0)) == (255, 255, 255) and notes == ["transparency"]


def test_palette_and_one_bit_pictures_get_their_colours() -> None:
    palette = pictures.colour().quantize(16)
    assert safe_image(pictures.saved(palette), "x.png").image.tobytes() == palette.convert("RGB").tobytes()
    bits = pictures.grey().convert("1")
    out = safe_image(pictures.saved(bits), "x.png").image
    assert out.mode == "L" and set(out.tobytes()) == {0, 255}


def test_cmyk_becomes_rgb() -> None:
    image, notes = safe_image(pictures.saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), "x.jpg")
    red, green, blue = image.getpixel((4, 4))
    assert image.mode == "RGB" and red > 200 and green < 60 and blue < 60 and notes == ["cmyk"]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation_is_taken(kind: str) -> None:
    image, notes = safe_image(pictures.animated(kind), "x")
    assert image.convert("L").tobytes() == pictures.grey().tobytes() and "first-frame" in notes


def test_a_picture_with_another_pictures_ending_is_read_and_noted() -> None:
    assert safe_image(pictures.saved(pictures.colour()), "x.jpg").notes == ["misnamed"]


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_file_is_refused_with_its_reason(name: str) -> None:
    data, reason = BAD[name]
    with pytest.raises(BadData, match=f"(?i){reason}"):
        safe_image(data, name)


def test_a_very_long_picture_is_read_within_bounds() -> None:
    image, _ = safe_image(pictures.saved(Image.new("L", (1, 30_000), 9)), "x.png")
    assert image.size == (1, 30_000)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_does_not_cost_the_picture() -> None:
    data = pictures.saved(pictures.colour(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + bytes(40))
    assert safe_image(data, "x.jpg").image.size == (12, 8)


@given(st.data())
def test_a_picture_with_any_damage_is_read_or_refused(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["PNG", "JPEG", "BMP", "PPM", "GIF", "WEBP", "TIFF"]))
    content = bytearray(pictures.saved(pictures.colour(), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        image, _ = safe_image(bytes(content[:data.draw(st.integers(1, len(content)))]), "x")
    except BadData as error:
        assert str(error)
    else:
        assert image.mode in ("L", "RGB")


def test_a_file_is_read_like_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(pictures.saved(pictures.colour()))
    digest = hashlib.sha256(safe_image(path, "x.png").image.tobytes())
    assert digest.digest() == hashlib.sha256(pictures.colour().tobytes()).digest()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "PPM", "GIF", "WEBP", "TIFF"])
@pytest.mark.parametrize("turned", [None, 3, 6, 8])
def test_a_size_is_that_of_the_upright_picture(tmp_path: Path, kind: str, turned: int | None) -> None:
    path, exif = tmp_path / f"a.{kind.lower()}", Image.Exif()
    if turned and kind in ("PNG", "JPEG", "WEBP", "TIFF"):
        exif[0x0112] = turned
    Image.new("RGB", (30, 20)).save(path, kind, **({"exif": exif} if len(exif) else {}))
    assert safe_size(str(path)) == safe_image(path, path.name).image.size


def test_a_size_that_stands_far_behind_the_start_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (30, 20)).save(path, "JPEG", comment=b"x" * 65_000, exif=b"Exif\0\0" + b"y" * 60_000)
    assert safe_size(str(path)) == (30, 20)


@pytest.mark.parametrize(("data", "words"), [(b"", "empty"), (b"<html>", "web page"),
                                             (b"\x89PNG\r\n\x1a\n", "damaged at its start")])
def test_what_has_no_size_is_told_with_the_reason(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(BadData, match=words):
        safe_size(str(path))
    with pytest.raises(BadData, match="outside the folders"):
        safe_size(str(path), [str(tmp_path / "other")])

"""Pictures that somebody else made: a short list of formats, a limit on pixels, and one documented conversion.

Every outcome is an 8-bit grey (L) or colour (RGB) picture that stands upright, or BadData with the reason:

===========================  =====================================================================
8-bit grey, RGB              as it is
1-bit                        black 0, white 255
palette                      its colours; with transparency: see below
alpha (LA, RGBA, palette)    laid on white
CMYK, YCbCr, LAB, HSV        converted to RGB
16-bit grey or colour        the high byte (value // 256); integer (I) files are read as 16-bit
float                        values in 0..1 times 255, or values in 0..255 rounded; anything else is refused
EXIF orientation             applied
several frames or pages      the first one
another picture's ending     read by content
===========================  =====================================================================
"""

import io
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from digits_core.errors import BadData
from digits_core.safe.paths import read_regular

FORMATS = ("PNG", "JPEG", "BMP", "PPM", "GIF", "WEBP", "TIFF")
SUFFIXES = {"png": "PNG", "apng": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "jpe": "JPEG", "jfif": "JPEG", "bmp": "BMP",
            "dib": "BMP", "ppm": "PPM", "pgm": "PPM", "pbm": "PPM", "pnm": "PPM", "gif": "GIF", "webp": "WEBP",
            "tif": "TIFF", "tiff": "TIFF", "dcm": "DICOM", "dicom": "DICOM", "npy": "NPY"}
"""File endings that are taken for pictures, and the format each stands for."""
MAX_PIXELS = 100_000_000
MAX_BYTES = 500_000_000

Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # "corrupt EXIF": decoration, not news
warnings.simplefilter("error", Image.DecompressionBombWarning)

_ORIENTATION = 0x0112
_STARTS = {b"%PDF": "a PDF document", b"<!DO": "a web page (HTML)", b"<htm": "a web page (HTML)", b"<?xm": "XML or SVG",
           b"<svg": "an SVG drawing", b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip archive",
           b"8BPS": "a Photoshop file", b"%!PS": "a PostScript file", b"version http": "a Git LFS pointer"}


class SafeImage(NamedTuple):
    """A decoded picture, mode L or RGB, and words for what was done to it ("orientation", "first-frame" ...)."""

    image: Image.Image
    notes: list[str]


def safe_image(source: bytes | Path, name: str) -> SafeImage:
    """Decode a picture by the table above. Raises BadData with the reason, and nothing else, for any input."""
    return _guarded(source, name, _eight_bit)


def safe_values(source: bytes | Path, name: str) -> SafeImage:
    """Decode a picture whose numbers mean something (class indices): upright, but of whatever mode the file has.

    Palettes, 16-bit values and alpha stay as they are. Raises BadData with the reason, and nothing else.
    """
    return _guarded(source, name, lambda image, notes: image)


HEAD = 65_536
"""Bytes in which most pictures say how large they are."""


def safe_size(path: str, roots: Sequence[str] = ()) -> tuple[int, int]:
    """Width and height of a picture as ``safe_image`` gives it, upright, without decoding its pixels.

    ``roots`` as in ``read_regular``. Raises BadData with the reason.
    """
    for first in (HEAD, None):
        data = read_regular(path, roots, MAX_BYTES, first)
        if not data:
            raise BadData("is empty (0 bytes)")
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return (image.height, image.width) if _lies_on_its_side(image) else image.size
        except Exception as error:  # decoders raise whatever they like; perhaps only the end is missing
            if first is None or len(data) < first:
                planes = _planes_of(data, Path(path).name)
                if planes is not None:
                    return planes.shape[2], planes.shape[1]
                raise BadData(_what_it_is(data) if isinstance(error, UnidentifiedImageError)
                              else decoder_words(error)) from None
    raise AssertionError("unreachable")


def _planes_of(data: bytes, name: str) -> NDArray[np.float32] | None:
    """All channels of a file that Pillow cannot open; None when nobody can."""
    from digits_core.safe.planes import safe_planes, special  # libraries that most files do not need

    try:
        return safe_planes(data, name).planes if special(data) else None
    except BadData:
        return None


def _lies_on_its_side(image: Image.Image) -> bool:
    """Not of TIFF pictures, whose size Pillow gives upright."""
    try:
        return image.format != "TIFF" and _may_be_turned(image) and image.getexif().get(_ORIENTATION, 1) in range(5, 9)
    except Exception:  # broken EXIF must not cost the picture
        return False


_Convert = Callable[[Image.Image, list[str]], Image.Image]


def _guarded(source: bytes | Path, name: str, convert: _Convert) -> SafeImage:
    data = source if isinstance(source, bytes) else read_regular(str(source), limit=MAX_BYTES)
    if not data:
        raise BadData("is empty (0 bytes)")
    if data[128:132] == b"DICM":
        from digits_core.safe.planes import dicom_picture

        return dicom_picture(data)
    try:
        return _converted(Image.open(io.BytesIO(data), formats=FORMATS), name, convert)
    except UnidentifiedImageError:
        raise BadData(_what_it_is(data)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadData(f"has more than {MAX_PIXELS // 10**6} million pixels") from None
    except BadData:
        raise
    except MemoryError:
        raise BadData("needs too much memory to decode") from None
    except Exception as error:  # decoders raise whatever they like on hostile input
        raise BadData(decoder_words(error)) from None


def _converted(opened: Image.Image, name: str, convert: _Convert) -> SafeImage:
    width, height = opened.size
    if width * height > MAX_PIXELS:
        raise BadData(f"has {width} x {height} pixels, at most {MAX_PIXELS // 10**6} million are read")
    notes = []
    if opened.format != "JPEG" and getattr(opened, "is_animated", False):
        notes.append("first-frame")
        opened.seek(0)
    if SUFFIXES.get(name.rpartition(".")[2].lower(), opened.format) != opened.format and opened.format != "MPO":
        notes.append("misnamed")
    opened.load()
    image: Image.Image = opened
    if opened.size == (width, height) and not _may_be_turned(opened):
        return SafeImage(convert(image, notes), notes)
    if _is_turned(opened):
        image = ImageOps.exif_transpose(image)
        notes.append("orientation")
    elif opened.size != (width, height):
        notes.append("orientation")  # Pillow turns TIFF pictures by itself while it loads them
    return SafeImage(convert(image, notes), notes)


def _may_be_turned(image: Image.Image) -> bool:
    """Whether a look at the EXIF data is worth its time: most small pictures have none."""
    return image.format in ("TIFF", "MPO") or any(
        key in image.info for key in ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"))


def _is_turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except Exception:  # EXIF is decoration: broken EXIF must not cost the picture
        image.info.pop("exif", None)
        return False


def _eight_bit(image: Image.Image, notes: list[str]) -> Image.Image:
    mode = image.mode
    if mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if mode == "1":
        return image.convert("L")
    if mode.startswith("I;16") or mode == "I":
        notes.append("16-bit")
        return _from_16_bit(image)
    if mode == "F":
        notes.append("float")
        return _from_float(image)
    if image.has_transparency_data:
        notes.append("transparency")
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        flat = Image.alpha_composite(white, rgba).convert("RGB")
        return flat.convert("L") if mode in ("LA", "La", "L", "1") else flat
    if mode != "P":
        notes.append(mode.lower())
    return image.convert("RGB")


def _from_16_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise BadData(f"holds integers from {low} to {high}; 0 to 65535 are read")
    return Image.fromarray((values.astype(np.uint16) >> 8).astype(np.uint8))


def _from_float(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise BadData("holds numbers that are not finite")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255:
        raise BadData(f"holds decimal numbers from {low:g} to {high:g}; 0 to 1 or 0 to 255 are read")
    return Image.fromarray(np.rint(values * (255 if high <= 1 else 1)).astype(np.uint8))


def _what_it_is(data: bytes) -> str:
    if data.startswith(b"\x93NUMPY"):
        return "is an array of NumPy; these are read with all channels in full depth (image type) only"
    start = data[:64].lstrip().lower()
    for mark, words in _STARTS.items():
        if start.startswith(mark.lower()):
            return f"is {words}, not a picture"
    return "is no picture of a known format (PNG, JPEG, BMP, PPM, PGM, GIF, WEBP, TIFF), or damaged at its start"


def decoder_words(error: Exception) -> str:
    """What a library's exception says about a file."""
    text = " ".join(str(error).split())[:200]
    cut = isinstance(error, EOFError | struct.error | IndexError) or any(
        words in text.lower() for words in ("truncated", "end of file", "eof", "not enough", "incomplete", "-2"))
    if cut:
        return "is truncated: the file ends in the middle of the picture"
    return f"is damaged: {text or type(error).__name__}"

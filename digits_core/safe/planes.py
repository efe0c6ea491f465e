"""Pictures with every channel and all their depth, from untrusted bytes: numbers, not something to look at.

TIFF by tifffile (many channels, 16 bits, decimals), PNG of 16 bits by imagecodecs, DICOM by pydicom, arrays of NumPy;
anything else as digits_core.safe.images reads it. A file that crashes its library ends a decoding process, no more.
"""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.errors import BadData
from digits_core.safe import images
from digits_core.safe.paths import read_regular

Made = TypeVar("Made")
MOST_CHANNELS = 64
MOST_VALUES = 400_000_000
DICOM = b"DICM"
"""At byte 128 of a DICOM file (https://dicom.nema.org/medical/dicom/current/output/html/part10.html)."""
NUMPY = b"\x93NUMPY"
_PNG = b"\x89PNG\r\n\x1a\n"


class SafePlanes(NamedTuple):
    """float32 (C, H, W) with the file's own numbers, and words for what was done to it."""

    planes: NDArray[np.float32]
    notes: list[str]


def safe_planes(source: bytes | Path, name: str) -> SafePlanes:
    """Every channel of a picture. Raises BadData with the reason, and nothing else, for any input."""
    data = source if isinstance(source, bytes) else read_regular(str(source), limit=images.MAX_BYTES)
    read = _reader(data)
    if read is None:
        image, notes = images.safe_image(data, name)
        return SafePlanes(_checked(np.atleast_3d(np.asarray(image)).transpose(2, 0, 1)), notes)
    return guarded(lambda: _read(read, data))


def guarded(read: Callable[[], Made]) -> Made:
    """What a library makes of a file; whatever it raises becomes BadData."""
    try:
        return read()
    except BadData:
        raise
    except MemoryError:
        raise BadData("needs too much memory to decode") from None
    except Exception as error:  # decoders raise whatever they like on hostile input
        raise BadData(images.decoder_words(error)) from None


def special(data: bytes) -> bool:
    """Whether a file is of a kind that digits_core.safe.images leaves to this module."""
    return _reader(data) is not None


def dicom_picture(data: bytes) -> images.SafeImage:
    """A DICOM picture of 8 bits: by the window that its file names, else from its smallest to its largest value."""
    planes, notes = guarded(lambda: _windowed(data))
    array = np.rint(planes).clip(0, 255).astype(np.uint8)
    whole = array[0] if len(array) == 1 else np.ascontiguousarray(array.transpose(1, 2, 0))
    return images.SafeImage(Image.fromarray(whole), [*notes, "dicom"])


def _windowed(data: bytes) -> SafePlanes:
    """See DICOM PS3.3 C.11.2.1.2 (linear)."""
    import pydicom

    planes, notes = _read(_dicom, data)
    if len(planes) == 3:
        return SafePlanes(planes, notes)
    file = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    low, high = float(planes.min()), float(planes.max())
    if "WindowCenter" in file and "WindowWidth" in file and file.PhotometricInterpretation != "MONOCHROME1":
        centre, width = (float(np.ravel(file[name].value)[0]) for name in ("WindowCenter", "WindowWidth"))
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    return SafePlanes((planes - low) * np.float32(255 / max(high - low, 1e-6)), notes)


def _read(read: Callable[[bytes], tuple[NDArray[Any], list[str]]], data: bytes) -> SafePlanes:
    array, notes = read(data)
    return SafePlanes(_checked(array), notes)


def _reader(data: bytes) -> Callable[[bytes], tuple[NDArray[Any], list[str]]] | None:
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff
    if data.startswith(_PNG) and len(data) > 25 and data[24] == 16:
        return _png
    if data.startswith(NUMPY):
        return _numpy
    return _dicom if data[128:132] == DICOM else None


def _checked(array: NDArray[Any]) -> NDArray[np.float32]:
    planes = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(planes).all():
        raise BadData("holds numbers that are not finite")
    return planes


def _require_room(channels: int, height: int, width: int) -> None:
    """Raise BadData for more than is ever read, before it is read."""
    if not 0 < channels <= MOST_CHANNELS:
        raise BadData(f"has {channels} channels; 1 to {MOST_CHANNELS} are read")
    if width * height > images.MAX_PIXELS or channels * width * height > MOST_VALUES:
        raise BadData(f"has {width} x {height} pixels in {channels} channels, more than are read")


def _tiff(data: bytes) -> tuple[NDArray[Any], list[str]]:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        series = file.series[0]
        if series.keyframe.photometric == tifffile.PHOTOMETRIC.PALETTE:
            return np.atleast_3d(np.asarray(images.safe_image(data, "x.tif").image)).transpose(2, 0, 1), ["palette"]
        across, down = series.axes.index("X"), series.axes.index("Y")
        height, width = series.shape[down], series.shape[across]
        _require_room(int(np.prod(series.shape)) // (height * width), height, width)
        array = np.moveaxis(series.asarray(), (down, across), (-2, -1))
    return array.reshape(-1, height, width), []


def _png(data: bytes) -> tuple[NDArray[Any], list[str]]:
    import imagecodecs

    width, height, _, kind = struct.unpack(">IIBB", data[16:26])
    colours = 3 if kind & 2 else 1
    _require_room(colours, height, width)
    array = imagecodecs.png_decode(data).reshape(height, width, -1)
    notes = ["alpha-dropped"] if array.shape[2] > colours else []
    return array[:, :, :colours].transpose(2, 0, 1), notes


def _numpy(data: bytes) -> tuple[NDArray[Any], list[str]]:
    """(H, W), (C, H, W), (H, W, C) where that has fewer channels than rows, or a vector (C,)."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = head(file)
    if dtype.kind not in "buif" or not 1 <= len(shape) <= 3:
        raise BadData(f"holds an array {shape} of {dtype}; numbers in one to three dimensions are read")
    if int(np.prod(shape)) * dtype.itemsize > len(data):
        raise BadData("is truncated: the file ends in the middle of the picture")
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.ndim < 3:
        array = array[None] if array.ndim == 2 else array[:, None, None]
    elif array.shape[1:] != (1, 1) and array.shape[2] < min(MOST_CHANNELS + 1, array.shape[0]):
        array = array.transpose(2, 0, 1)
    if array.shape[1:] != (1, 1):  # a vector may be as long as it likes
        _require_room(*array.shape)
    return array, []


def _dicom(data: bytes) -> tuple[NDArray[Any], list[str]]:
    """The numbers the device means (rescaled, of CT in Hounsfield units), bright where there is much; first frame."""
    import pydicom
    from pydicom.pixels.processing import apply_rescale
    from pydicom.pixels.utils import pixel_array

    with pydicom.config.disable_value_validation():
        file = pydicom.dcmread(io.BytesIO(data))
        colours = int(file.SamplesPerPixel)
        _require_room(colours, int(file.Rows), int(file.Columns))
        frames = int(file.get("NumberOfFrames") or 1)
        array = apply_rescale(pixel_array(file, index=0 if frames > 1 else None), file)
    if file.PhotometricInterpretation == "MONOCHROME1":  # there 0 is white
        array = array.max() + array.min() - array
    return np.atleast_3d(array).transpose(2, 0, 1), ["first-frame"] if frames > 1 else []

"""Volumes from untrusted NIfTI files (nifti.nimh.nih.gov/nifti-1), read by nibabel."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.errors import BadData
from digits_core.safe.planes import MOST_VALUES, guarded

ENDINGS = (".nii.gz", ".nii")
MOST_BYTES = 4_000_000_000
_GZIP = b"\x1f\x8b"


def safe_volume(data: bytes) -> NDArray[np.float32]:
    """float32 (X, Y, Z) from left to right, back to front and foot to head, in the units that the file names.

    Raises BadData with the reason, and nothing else, for any input.
    """
    return guarded(lambda: _read(_unzipped(data) if data.startswith(_GZIP) else data))


def _unzipped(data: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    found = reader.decompress(data, MOST_BYTES)
    if reader.unconsumed_tail:
        raise BadData(f"unpacks to more than {MOST_BYTES // 10**9} GB")
    if not reader.eof:
        raise BadData("is truncated: the file ends in the middle of the volume")
    return found


def _read(data: bytes) -> NDArray[np.float32]:
    import nibabel

    if not data:
        raise BadData("is empty")
    kind = nibabel.Nifti2Image if data[:4] in (b"\x1c\2\0\0", b"\0\0\2\x1c") else nibabel.Nifti1Image
    volume: Any = kind.from_bytes(data)
    shape = volume.shape[:3] if volume.shape[3:] == (1,) else volume.shape
    if len(shape) != 3 or not all(shape):
        raise BadData(f"has {' x '.join(map(str, volume.shape))} values; volumes of three dimensions are read")
    if np.prod(shape, dtype=np.float64) > MOST_VALUES:
        raise BadData(f"has {' x '.join(map(str, shape))} values, more than are read")
    turn: Any = nibabel.orientations
    array: NDArray[np.float32] = turn.apply_orientation(np.asarray(volume.dataobj, np.float32).reshape(shape),
                                                        turn.io_orientation(volume.affine))
    if not np.isfinite(array).all():
        raise BadData("holds numbers that are not finite")
    return array

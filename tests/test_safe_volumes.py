"""Volumes of NIfTI files: their numbers in the patient's own directions, and no file does harm."""

import gzip

import nibabel
import numpy as np
import pytest

from digits_core.errors import BadData
from digits_core.safe.volumes import safe_volume
from tests.data.heads import nifti

VOLUME = np.random.default_rng(1).integers(-1000, 3000, (3, 4, 5)).astype(np.int16)


@pytest.mark.parametrize("data", [nifti(VOLUME), gzip.compress(nifti(VOLUME)), nifti(VOLUME, mirrored=True),
                                  nifti(VOLUME[..., None]), nibabel.Nifti2Image(VOLUME, np.eye(4)).to_bytes()],
                         ids=["plain", "packed", "mirrored", "one time", "second edition"])
def test_a_volume_is_what_was_stored(data: bytes) -> None:
    found = safe_volume(data)
    assert found.dtype == np.float32 and np.array_equal(found, VOLUME)


def test_axes_in_another_order_are_put_right() -> None:
    affine = np.eye(4)[[2, 0, 1, 3]]
    turned = nibabel.Nifti1Image(VOLUME.transpose(1, 2, 0), affine)
    assert np.array_equal(safe_volume(turned.to_bytes()), VOLUME)


def test_the_units_are_those_of_the_file() -> None:
    image = nibabel.Nifti1Image(VOLUME, np.eye(4))
    image.header.set_slope_inter(2.0, -1.0)
    image.header.set_data_dtype(np.float32)
    assert safe_volume(image.to_bytes()).shape == VOLUME.shape


@pytest.mark.parametrize(("data", "words"), [
    (b"", "empty"), (b"nothing", "."), (nifti(VOLUME)[:-20], "."), (gzip.compress(nifti(VOLUME))[:-20], "truncated"),
    (b"\x1f\x8b" + b"\0" * 50, "."), (nifti(np.zeros((2, 2, 2, 3), np.int16)), "three dimensions"),
    (nifti(np.full((2, 2, 2), np.nan, np.float32)), "not finite"), (nifti(VOLUME)[:40] + b"\xff" * 400, ".")])
def test_a_bad_file_gets_a_reason(data: bytes, words: str) -> None:
    with pytest.raises(BadData, match=words):
        safe_volume(data)

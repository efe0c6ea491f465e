"""Pictures in full depth: nothing of their numbers is lost, and no file does harm."""

import io
import struct

import imagecodecs
import numpy as np
import pydicom
import pytest
import tifffile
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from digits_core.errors import BadData
from digits_core.safe.images import safe_image, safe_size
from digits_core.safe.planes import safe_planes

CHANCE = np.random.default_rng(3)
FIVE = CHANCE.integers(0, 65536, (5, 7, 9), np.uint16)


def tiff(array: np.ndarray, **how: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **how)
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def dicom(values: np.ndarray, **tags: object) -> bytes:
    """A DICOM file of one grey picture, 12 of 16 bits."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = SecondaryCaptureImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    file = FileDataset("drawn.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    file.Rows, file.Columns = values.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.PixelData = values.astype("<u2").tobytes()
    for name, value in tags.items():
        setattr(file, name, value)
    target = io.BytesIO()
    file.save_as(target, enforce_file_format=True)
    return target.getvalue()


@pytest.mark.parametrize("how", [{"photometric": "minisblack"}, {"photometric": "minisblack", "compression": "lzw"},
                                 {"photometric": "minisblack", "planarconfig": "separate"}], ids=str)
def test_a_tiff_keeps_every_channel_and_bit(how):
    assert np.array_equal(safe_planes(tiff(FIVE, **how), "a.tif").planes, FIVE)


def test_channels_may_come_last_as_decimals_or_alone():
    decimals = CHANCE.normal(0, 1000, (7, 9, 4)).astype(np.float32)
    assert np.array_equal(safe_planes(tiff(decimals, photometric="minisblack", planarconfig="contig"), "a.tif").planes,
                          decimals.transpose(2, 0, 1))
    assert np.array_equal(safe_planes(tiff(FIVE[0]), "a.tif").planes, FIVE[:1])


@pytest.mark.parametrize("shape", [(7, 9), (7, 9, 3), (7, 9, 4)], ids=str)
def test_a_png_of_16_bits_keeps_them(shape):
    array = CHANCE.integers(0, 65536, shape, np.uint16)
    found = safe_planes(imagecodecs.png_encode(array), "a.png")
    wanted = np.atleast_3d(array).transpose(2, 0, 1)[:3]
    assert np.array_equal(found.planes, wanted)
    assert found.notes == (["alpha-dropped"] if shape[-1] == 4 else [])


@pytest.mark.parametrize(("array", "shape"), [
    (np.arange(12.0), (12, 1, 1)), (FIVE[0], (1, 7, 9)), (FIVE, (5, 7, 9)), (FIVE.transpose(1, 2, 0), (5, 7, 9))],
    ids=["vector", "plane", "first", "last"])
def test_an_array_of_numpy_is_a_picture_or_a_vector(array, shape):
    assert safe_planes(npy(array), "a.npy").planes.shape == shape


def test_a_dicom_file_tells_what_its_device_means():
    values = CHANCE.integers(0, 4096, (6, 8), np.uint16)
    found = safe_planes(dicom(values, RescaleSlope="2", RescaleIntercept="-1024"), "a.dcm")
    assert np.array_equal(found.planes[0], values * 2.0 - 1024)
    upside = safe_planes(dicom(values, PhotometricInterpretation="MONOCHROME1"), "a.dcm").planes[0]
    assert np.array_equal(upside.argmin(), values.argmax())


def test_a_dicom_file_is_shown_by_its_window():
    values = np.array([[0, 1000], [2000, 4000]])
    image, notes = safe_image(dicom(values, WindowCenter="1000.5", WindowWidth="2001"), "a.dcm")
    assert (image.mode, image.size, notes) == ("L", (2, 2), ["dicom"])
    assert np.abs(np.asarray(image).astype(int) - [[0, 128], [255, 255]]).max() <= 1
    assert np.asarray(safe_image(dicom(values), "a.dcm").image).max() == 255


def test_the_size_is_known_of_files_that_pillow_cannot_open(tmp_path):
    for name, data in (("a.tif", tiff(FIVE, photometric="minisblack")), ("a.npy", npy(FIVE)),
                       ("a.dcm", dicom(np.zeros((7, 9), np.uint16)))):
        (tmp_path / name).write_bytes(data)
        assert safe_size(str(tmp_path / name)) == (9, 7)


def test_other_pictures_come_with_the_values_they_are_shown_with():
    file = io.BytesIO()
    Image.fromarray(np.uint8([[1, 2], [3, 4]])).save(file, "PNG")
    assert safe_planes(file.getvalue(), "a.png").planes.tolist() == [[[1, 2], [3, 4]]]


def test_an_array_of_numpy_is_not_shown_as_a_picture():
    with pytest.raises(BadData, match="full depth"):
        safe_image(npy(FIVE), "a.npy")


@pytest.mark.parametrize(("data", "words"), [
    (tiff(np.zeros((65, 4, 4), np.uint8), photometric="minisblack"), "65 channels"),
    (tiff(np.full((4, 4), np.nan, np.float32)), "not finite"),
    (npy(np.array(["a"])), "array"), (npy(np.zeros((2, 2, 2, 2))), "array"),
    (npy(np.zeros((4, 4)))[:-40], "truncated"), (tiff(FIVE)[:60], "damaged|truncated"),
    (dicom(np.zeros((4, 4), np.uint16))[:-20], "damaged|truncated|few"),
    (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60_000, 60_000, 16, 2, 0, 0, 0), "60000 x 60000"),
    (b"\0" * 128 + b"DICM" + b"\xff" * 50, "damaged|truncated"), (b"", "empty"), (b"II*\0" + b"\0" * 8, "truncated")],
    ids=lambda value: "" if isinstance(value, bytes) else str(value))
def test_a_bad_file_gets_a_reason(data, words):
    with pytest.raises(BadData, match=words):
        safe_planes(data, "a")

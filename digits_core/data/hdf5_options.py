"""What an export of a dataset as HDF5 files can be told."""

from typing import Literal

from digits_core.options import Options, option

LARGEST_MB = 8000
"""In Caffe's layout so many are 2^31 values, which was DIGITS' limit of a file."""


class Hdf5Options(Options):
    """How the files are made."""

    layout: Literal["caffe", "plain"] = option(
        "caffe", title="Arrays", labels={"caffe": "Caffe and DIGITS: data, label", "plain": "Others: images, labels"},
        help="Caffe: float32 (N, C, H, W) and float32 numbers of classes, colours red first, with a list.txt. Others: "
             "uint8 (N, H, W, C) and int64 numbers of classes. Full depth is float32 in both.")
    compression: Literal["none", "gzip"] = option("none", title="Compression", labels={"none": "None", "gzip": "gzip"},
                                                  help="gzip takes a tenth to a half of the room, and time.")
    file_mb: int = option(1000, title="MB of a file", ge=1, le=LARGEST_MB,
                          help="Before compression; more pictures go into further files.")

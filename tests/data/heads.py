"""Drawn heads as NIfTI volumes: two kinds of pictures and a label with the values 0, 1 and 4, as BRATS has them."""

import gzip
from pathlib import Path

import nibabel
import numpy as np

SHAPE = (24, 20, 10)


def nifti(volume: np.ndarray, mirrored: bool = False) -> bytes:
    """The bytes of a NIfTI file; ``mirrored``: the same volume, stored from right to left."""
    affine = np.diag([-1.0 if mirrored else 1.0, 1.0, 1.0, 1.0])
    return nibabel.Nifti1Image(volume[::-1] if mirrored else volume, affine).to_bytes()


def head(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Volumes int16 (2, X, Y, Z), flair and t1, and the label: 1 a tumour, seen in flair, 4 its core, seen in t1."""
    chance = np.random.default_rng(seed)
    x, y, z = np.mgrid[:SHAPE[0], :SHAPE[1], :SHAPE[2]]
    centre = chance.uniform(0.35, 0.65, 3) * SHAPE
    distance = np.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + 2 * (z - centre[2]) ** 2)
    label = np.where(distance < 2.5, 4, np.where(distance < 5.5, 1, 0)).astype(np.int16)
    pictures = chance.integers(100, 300, (2, *SHAPE)).astype(np.int16)
    pictures[0] += (400 * (label > 0)).astype(np.int16)
    pictures[1] += (400 * (label == 4)).astype(np.int16)
    return pictures, label


def heads(top: Path, cases: int) -> Path:
    """Folders HGG/case_N of two pictures and a label each; half of them mirrored, half of them packed."""
    for number in range(cases):
        folder = top / "HGG" / f"case_{number}"
        folder.mkdir(parents=True)
        pictures, label = head(number)
        for name, volume in (("flair", pictures[0]), ("t1", pictures[1]), ("seg", label)):
            data = nifti(volume, mirrored=number % 2 == 1)
            path = folder / f"case_{number}_{name}.nii"
            if number % 2:
                path.write_bytes(data)
            else:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(data, 1))
    return top

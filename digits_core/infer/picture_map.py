"""A map of a batch's pictures, alike ones near each other: ``python -m digits_core.infer.picture_map FOLDER``.

A process of its own, because t-SNE can be stopped no other way; its words on stdout tell how far it is. map.npz holds
the rows' numbers and their places.
"""

import os
import re
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.data import child
from digits_core.errors import BadData
from digits_core.infer.features import Features
from digits_core.jobs.context import Context

MOST = 10_000
"""Pictures on a map; of more a random choice."""
STEPS = 500
AXES = 50


class PictureMap(NamedTuple):
    """Numbers of the rows on the map, where each is (N, 2), and how many pictures have features in all."""

    rows: NDArray[np.int64]
    places: NDArray[np.float32]
    of: int


def path_of(folder: Path) -> Path:
    """The map in a job folder."""
    return folder / "map.npz"


def read(folder: Path) -> PictureMap:
    """The finished map. Raises BadData when there is none, or it is damaged."""
    try:
        with path_of(folder).open("rb") as file, np.load(file, allow_pickle=False) as found:
            made = PictureMap(found["rows"].astype(np.int64), found["places"].astype(np.float32), int(found["of"]))
    except FileNotFoundError:
        raise BadData("There is no map of these pictures.") from None
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise BadData(f"The map cannot be read ({error}). Clone the job to make it again.") from None
    if made.places.shape != (len(made.rows), 2):
        raise BadData("The map contradicts itself. Clone the job to make it again.")
    return made


def make(context: Context) -> None:
    """Have the map made by a process of its own; ended when the job is stopped."""
    folder = context.folder.path
    if path_of(folder).exists():
        return
    context.log("Making the map of the pictures")
    process = child.start("digits_core.infer.picture_map", str(folder), stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    try:
        while True:
            ready, _, _ = select.select([process.stdout], [], [], 0.4)
            context.check_stop()
            line = os.read(process.stdout.fileno(), 65536) if ready else None
            if line == b"":
                break
            steps = re.findall(rb"Iteration (\d+)", line or b"")
            context.progress(0.8 + 0.19 * (int(steps[-1]) / STEPS if steps else 0), "Making the map")
        if process.wait() != 0:
            words = process.stderr.read().decode(errors="replace").strip().splitlines()
            raise BadData(f"The map could not be made: {words[-1] if words else 'its process was ended'}.")
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """Make the map of the folder given."""
    os.nice(5)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = Path(sys.argv[1])
    features = Features(folder)
    good = features.good()
    rows = good if len(good) <= MOST else np.sort(np.random.default_rng(0).choice(good, MOST, replace=False))
    places = spread(features.rows(rows)) if len(rows) else np.empty((0, 2), np.float32)
    with files.atomic(path_of(folder)) as file:
        np.savez(file, rows=rows, places=places, of=np.int64(len(good)))


def _end_with_parent() -> None:
    os.read(0, 1)  # the end of the pipe: whoever wanted the map is gone
    os._exit(1)


def spread(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Places (N, 2) in which pictures with alike features (by their cosine) are near each other."""
    from sklearn.decomposition import PCA  # two seconds to import
    from sklearn.manifold import TSNE

    count = len(features)
    directions = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    if np.ptp(directions, axis=0).max() < 1e-6:  # one picture, or all the same
        return np.zeros((count, 2), np.float32)
    axes = min(AXES, count, features.shape[1])
    main_axes: NDArray[Any] = PCA(axes, svd_solver="randomized", random_state=0).fit_transform(directions)
    if count < 5 or axes < 2:  # too few for neighbourhoods
        return np.asarray(np.pad(main_axes, ((0, 0), (0, 2)))[:, :2], np.float32)
    found = TSNE(2, perplexity=min(30.0, (count - 1) / 3), init="pca", max_iter=STEPS, random_state=0,
                 verbose=2).fit_transform(main_axes)
    return np.asarray(found, np.float32)


if __name__ == "__main__":
    main()

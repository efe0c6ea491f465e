"""Services on databases that somebody else made: what is in one, before a dataset is made of it."""

from collections import Counter
from typing import Any

from digits_core.safe import safe_path
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
SHOWN = 20


def analyze(workspace: Workspace, path: str, only_count: bool = False) -> Json:
    """``entries`` of an LMDB or of HDF5 files, how many have each of ``shapes`` (width x height x channels) and labels.

    ``bad`` counts those that cannot be used, ``reasons`` tells the first of them. ``only_count`` leaves out all but
    ``entries``. An encoded picture without a size in its record has the shape "encoded". Raises BadData, and what
    safe_path raises.
    """
    from digits_core.data.prebuilt import features  # LMDB, NumPy: not for programs that only list jobs

    roots = workspace.settings.data_roots
    shapes, labels, reasons, entries = Counter[str](), Counter[str](), list[str](), 0
    bad = 0
    for row in features(safe_path(path, roots), roots, lambda: None):
        entries += 1
        if only_count:
            continue
        if row.reason:
            bad += 1
            reasons += [f"{row.key} {row.reason}"] if bad <= SHOWN else []
            continue
        channels, height, width = row.shape
        shapes[f"{width}x{height}x{channels}" if height else "encoded"] += 1
        labels["a picture" if row.wanted else ", ".join(f"{value:g}" for value in row.numbers[:8]) or "none"] += 1
    told = {"shapes": dict(shapes.most_common()), "labels": dict(labels.most_common(SHOWN)), "bad": bad,
            "reasons": reasons}
    return {"entries": entries, **({} if only_count else told)}

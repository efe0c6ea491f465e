"""predict.py where nothing but onnxruntime, numpy and pillow can be imported, and what it says beside our answers."""

import base64
import importlib.util
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Json = dict[str, Any]
PACKAGES = ("numpy", "numpy.libs", "PIL", "pillow.libs", "onnxruntime")
NEAR = 1e-3


def empty(folder: Path) -> Path:
    """A folder of packages with nothing but these in it."""
    spec = importlib.util.find_spec("numpy")
    assert spec is not None and spec.origin is not None
    site = Path(spec.origin).parents[1]
    folder.mkdir(exist_ok=True)
    for name in PACKAGES:
        if (site / name).exists() and not (folder / name).exists():
            (folder / name).symlink_to(site / name)
    return folder


def predicted(archive: Path, packages: Path, *words: str | Path) -> list[Json]:
    """The answers of an archive's script; ``-S``: this interpreter knows no installed packages but these."""
    done = subprocess.run([sys.executable, "-S", archive / "predict.py", *words], capture_output=True, text=True,
                          env={"PYTHONPATH": str(packages), "PATH": ""}, cwd=packages, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(archive: Path, packages: Path, *words: str | Path) -> str:
    """What the script says when it does not work."""
    done = subprocess.run([sys.executable, "-S", archive / "predict.py", *words], capture_output=True, text=True,
                          env={"PYTHONPATH": str(packages), "PATH": ""}, cwd=packages, check=False)
    assert done.returncode != 0
    return done.stderr


def same(ours: Json, theirs: Json) -> None:
    """Both answers tell the same, to 1e-3; of pictures to one grey value, of masks to one pixel in a thousand."""
    compared = [name for name, check in CHECKS.items() if name in ours and check(ours, theirs) is None]
    assert compared, sorted(ours)


def _predictions(ours: Json, theirs: Json) -> None:
    if "embedding" in ours or not ours["predictions"]:
        assert [row["label"] for row in ours["predictions"][:1]] == [row["label"] for row in theirs.get(
            "predictions", [])[:1]]
        return
    assert ours["predictions"][0]["label"] == theirs["predictions"][0]["label"] or "yes" in ours["predictions"][0]
    shares = {row["label"]: row for row in theirs["predictions"]}
    for row in ours["predictions"][:5]:
        assert shares[row["label"]]["probability"] == pytest.approx(row["probability"], abs=NEAR)
        assert shares[row["label"]].get("yes") == row.get("yes")


def _boxes(ours: Json, theirs: Json) -> None:
    assert [row["label"] for row in ours["boxes"]] == [row["label"] for row in theirs["boxes"]]
    for one, other in zip(ours["boxes"], theirs["boxes"], strict=True):
        assert one["box"] == pytest.approx(other["box"], abs=0.01) and one["score"] == pytest.approx(other["score"],
                                                                                                    abs=NEAR)


def _numbers(name: str) -> Any:
    def check(ours: Json, theirs: Json) -> None:
        one, other = (([row["value"] for row in answer[name]] if name == "values" else answer[name])
                      for answer in (ours, theirs))
        assert other == pytest.approx(one, abs=NEAR * max(1, *map(abs, one)))

    return check


def _mask(ours: Json, theirs: Json) -> None:
    one, other = _opened(ours["mask"]), np.asarray(Image.open(theirs["mask"]))
    assert (one == other).mean() > 0.999


def _picture(ours: Json, theirs: Json) -> None:
    one, other = _opened(ours["picture"]).astype(int), np.asarray(Image.open(theirs["picture"])).astype(int)
    assert np.abs(one - other).max() <= 1


def _opened(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


CHECKS: dict[str, Any] = {"predictions": _predictions, "boxes": _boxes, "values": _numbers("values"), "mask": _mask,
                          "picture": _picture, "embedding": _numbers("embedding"), "z": _numbers("z")}

"""Python children of this program for work that may crash or hang: decoding, and reading databases."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from digits_core.jobs import confine

_ROOT = Path(__file__).parents[2]


def start(module: str, *arguments: str, **how: Any) -> "subprocess.Popen[bytes]":
    """Start ``python -m module`` with this very package on its path and one thread per process."""
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {**confine.without_keys(os.environ), "PYTHONPATH": path, "OMP_NUM_THREADS": "1",
                   "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-m", module, *arguments], env=environment, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, **how)

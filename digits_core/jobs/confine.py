"""Fences around processes that run a user's code: no secrets of the server, not all of its memory, nobody to harm.

They keep honest mistakes (a loop without an end, 100 GB of zeros, a killed parent) away from everybody else. Against
malice they are not enough: who may train may run code as the user of this server.
"""

import functools
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.safe.places import is_s3

KEPT = re.compile(r"PATH|HOME|LANG|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV|PYTHON.*|OMP_.*|MKL_.*|GOMP_.*|"
                  r"MALLOC_.*|CUDA_.*|NVIDIA_.*|TORCH_.*|DIGITS_(?!NOTIFY_|S3_).*")
"""Variables that a user's code may see; passwords and tokens stand in others."""
FOR_S3 = re.compile(r"AWS_.*|DIGITS_S3_.*_(KEY|SECRET|TOKEN)")
"""Variables that only builds of datasets need, and jobs that name a place in S3; none of their children."""
APART = ("unshare", "--user", "--map-current-user", "--pid", "--net", "--fork", "--kill-child", "--")
SPARE = 8_000_000_000
"""Bytes of addresses that libraries reserve and never use."""
LARGEST_FILE = 100_000_000


def brings_code(job: Path) -> bool:
    """Whether the worker of the job in this folder runs a user's code."""
    options = (files.read_json(job / "job.json") or {}).get("options")
    return isinstance(options, dict) and (options.get("network") == "custom" or bool(options.get("allow_code")))


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without what is not known to be harmless."""
    return {name: value for name, value in environ.items() if KEPT.fullmatch(name)}


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment without the keys to S3."""
    return {name: value for name, value in environ.items() if not FOR_S3.fullmatch(name)}


def environment(job: Path) -> dict[str, str]:
    """What the worker of the job in this folder may see of this process' environment."""
    if brings_code(job):
        return scrubbed(os.environ)
    return dict(os.environ) if _fetches(files.read_json(job / "job.json") or {}) else without_keys(os.environ)


def _fetches(asked: dict[str, Any]) -> bool:
    """Whether a job reads from S3: builds may; what writes frames, and batches of a folder, when they name a place.

    No other text of a job brings the keys: its worker may run a model's own code.
    """
    kind, options = asked.get("kind"), asked.get("options")
    if kind == "dataset" or not isinstance(options, dict):
        return kind == "dataset"
    of_batch = kind == "inference" and options.get("method") == "folder"
    return is_s3(str(options.get("videos") if kind == "frames" else options.get("folder") if of_batch else ""))


def limit(small_files: bool = False) -> None:
    """Bound this process and its children: no core files, memory (not with a GPU, whose driver reserves at will).

    When memory runs short the kernel takes this process first. ``small_files``: no file over 100 MB.
    """
    _set(resource.RLIMIT_CORE, 0)
    if not os.environ.get("CUDA_VISIBLE_DEVICES"):
        _set(resource.RLIMIT_AS, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") + SPARE)
    if small_files:
        _set(resource.RLIMIT_FSIZE, LARGEST_FILE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def _set(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    with suppress(OSError, ValueError):
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


@functools.cache
def apart() -> tuple[str, ...]:
    """What stands before a command that shall see no other process and no network, and leave none behind.

    Empty where the system does not allow it.
    """
    if shutil.which(APART[0]) is None:
        return ()
    tried = subprocess.run([*APART, "true"], capture_output=True, check=False)
    return APART if tried.returncode == 0 else ()

"""What this machine lacks, in words, each with what to do about it."""

import os
import re
import resource
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.version import Version

from digits_core import files
from digits_core.jobs import devices
from digits_core.modelstore import shelf
from digits_core.networks.torchvision_data import ROWS, published
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings

PYTHON = (3, 11)
FREE_BYTES = 5_000_000_000
SHM_BYTES = 1_000_000_000
DESCRIPTORS = 4096
PORT = 8501
REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
_LINE = re.compile(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9][0-9.]*)")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    ``needed``: without it the program does not work; else it is only slower, or can do less.
    """

    name: str
    ok: bool
    text: str
    todo: str = ""
    needed: bool = False


def findings(workspace: Workspace) -> list[Finding]:
    """Everything the doctor looks at, in the order of importance. Changes nothing but a file it makes and removes."""
    jobs_dir = workspace.store.root
    return [python(), *packages(REQUIREMENTS), gpu(), writable(jobs_dir), persistent(jobs_dir), disk(jobs_dir),
            shared_memory(), descriptors(), browser(), port(PORT), weights(workspace.settings)]


def is_healthy(found: list[Finding]) -> bool:
    """Whether nothing that is needed is missing."""
    return all(finding.ok for finding in found if finding.needed)


def python() -> Finding:
    """The interpreter's version."""
    ok = sys.version_info[:2] >= PYTHON
    return Finding("Python", ok, sys.version.split()[0],
                   "" if ok else f"Install Python {PYTHON[0]}.{PYTHON[1]} or newer.", needed=True)


def packages(requirements: Path) -> list[Finding]:
    """Installed packages against the lowest versions that ``requirements.txt`` allows; what is right in one line."""
    try:
        floors = _LINE.findall(requirements.read_text())
    except OSError:
        return []
    bad = [finding for name, floor in floors if (finding := _package(name, floor))]
    return bad or [Finding("Packages", True, f"all {len(floors)} installed, new enough", needed=True)]


def _package(name: str, floor: str) -> Finding | None:
    todo = f"pip install '{name}>={floor}'"
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, False, "is not installed", todo, needed=True)
    if Version(found) < Version(floor):
        return Finding(name, False, f"{found} is too old", todo, needed=True)
    return None


def gpu(listed: list[devices.Gpu] | None = None, driver: Path = Path("/proc/driver/nvidia/version"),
        device_files: Path = Path("/dev")) -> Finding:
    """GPUs, or why there are none: no card is fine, a card without a working driver is not what anybody wants."""
    found = devices.gpus() if listed is None else listed
    if found:
        names = ", ".join(f"{card.name} ({card.memory_total / 2**30:.0f} GiB)" for card in found)
        return Finding("GPU", True, names)
    if driver.exists():
        return Finding("GPU", False, "The NVIDIA driver is loaded, but its management library (NVML) does not answer.",
                       "Driver and library differ after an update: reboot. In a container: start it with --gpus all.")
    if any(device_files.glob("nvidia[0-9]*")):
        return Finding("GPU", False, "There is an NVIDIA card, but no driver is loaded.",
                       "Install the NVIDIA driver, then reboot.")
    return Finding("GPU", True, "None found; training runs on the CPU. With an NVIDIA card: install its driver.")


def writable(jobs_dir: Path) -> Finding:
    """Whether jobs can be saved."""
    name = "Jobs folder"
    try:
        with tempfile.NamedTemporaryFile(dir=jobs_dir, prefix=".doctor-") as file:
            file.write(b"x")
            os.fsync(file.fileno())
    except OSError as error:
        return Finding(name, False, f"{jobs_dir} cannot be written: {error.strerror}.",
                       "Change its owner, or point DIGITS_JOBS_DIR at a folder of yours.", needed=True)
    return Finding(name, True, f"{jobs_dir} can be written", needed=True)


def persistent(jobs_dir: Path, mounts: Path = Path("/proc/mounts")) -> Finding:
    """Whether the jobs survive a reboot."""
    kind = file_system(jobs_dir, mounts)
    if kind in ("tmpfs", "ramfs"):
        return Finding("Jobs disk", False, f"{jobs_dir} lies in memory ({kind}): a reboot loses every job.",
                       "Point DIGITS_JOBS_DIR at a folder on a disk.")
    return Finding("Jobs disk", True, f"file system {kind or 'unknown'}")


def file_system(path: Path, mounts: Path) -> str:
    """Type of the file system that holds ``path``; empty when it cannot be found out."""
    try:
        rows = [line.split() for line in mounts.read_text().splitlines()]
    except OSError:
        return ""
    real = path.resolve()
    fitting = [(len(row[1]), number, row[2]) for number, row in enumerate(rows)
               if len(row) > 2 and real.is_relative_to(row[1].replace("\\040", " "))]
    return max(fitting)[2] if fitting else ""


def disk(jobs_dir: Path) -> Finding:
    """Room for datasets and checkpoints."""
    free = files.free_bytes(jobs_dir)
    ok = free >= FREE_BYTES
    return Finding("Free disk", ok, f"{free / 1e9:.1f} GB in {jobs_dir}",
                   "" if ok else "Free some space: the System page lists the disk by job.", needed=free < 10**8)


def shared_memory(folder: Path = Path("/dev/shm")) -> Finding:
    """Room for pictures on their way from loader processes to the training."""
    try:
        size = shutil.disk_usage(folder).total
    except OSError:
        return Finding("/dev/shm", False, "is missing", "Mount a tmpfs there; loader processes need it.")
    ok = size >= SHM_BYTES
    return Finding("/dev/shm", ok, f"{size / 1e6:.0f} MB",
                   "" if ok else "Make it larger (docker run --shm-size=2g), or train with --workers 0.")


def descriptors(limit: int | None = None) -> Finding:
    """How many files and connections the server may have open."""
    number = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    ok = number >= DESCRIPTORS or number == resource.RLIM_INFINITY
    words = "no limit" if number == resource.RLIM_INFINITY else f"{number} may be open at once"
    return Finding("Open files", ok, words, "" if ok else f"ulimit -n {DESCRIPTORS * 16}, before the start.")


def browser() -> Finding:
    """Chromium, for the project's own browser tests only."""
    path = next((found for name in ("chromium", "chromium-browser", "google-chrome")
                 if (found := shutil.which(name))), "")
    return Finding("Browser", bool(path), path or "no Chromium found (only the browser tests need it)",
                   "" if path else "apt install chromium")


def port(number: int) -> Finding:
    """Whether the page's usual port is free."""
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", number)) == 0
    return Finding(f"Port {number}", not taken, "is in use" if taken else "is free",
                   "A server runs already, or another program: make run PORT=8502." if taken else "")


def weights(settings: Settings) -> Finding:
    """Published weights of networks: the folder with their files, and whether others can be had."""
    folder = shelf.folder(settings)
    if settings.weights_dir and not folder.is_dir():
        return Finding("Pretrained weights", False, f"{folder} is not a folder.", "Make it, or correct "
                       "DIGITS_WEIGHTS_DIR.")
    there = shelf.on_disk(settings)
    found = sum(one.file in there for name in ROWS for one in published(name))
    others = {"": "others are downloaded", shelf.OFF: "others cannot be had (DIGITS_WEIGHTS_URL)"}.get(
        settings.weights_url, f"others come from {settings.weights_url}")
    return Finding("Pretrained weights", True, f"{found} files in {folder}; {others}.")

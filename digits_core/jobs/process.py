"""Is that process still the one we started? Pid alone lies: pids are reused and dead children linger as zombies."""

import os
import signal
import time
from pathlib import Path
from typing import Any

Json = dict[str, Any]
MARK = "DIGITS_ATTEMPT"
"""Environment variable that names a worker's attempt, so that its children can be told from strangers."""


def boot_id() -> str:
    """Changes with every boot of the machine; DIGITS_BOOT_ID replaces it in tests."""
    override = os.environ.get("DIGITS_BOOT_ID")
    return override or Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: object) -> list[bytes] | None:
    """The fields of /proc/PID/stat from the third on; None when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()  # bytes: a process may have any name
    except (OSError, ValueError):
        return None
    fields = stat.rpartition(b")")[2].split()  # the name in field 2 may hold spaces and brackets
    return fields if len(fields) > 19 else None


def start_ticks(pid: int) -> int | None:
    """When ``pid`` started, in clock ticks since boot (/proc/PID/stat field 22); None when dead or a zombie.

    A zombie some of whose threads still run (field 20) is not dead yet: it holds its memory and its GPUs, and
    nobody can ask for its exit code.
    """
    fields = _stat(pid)
    if fields is None or fields[0] == b"X" or (fields[0] == b"Z" and int(fields[17]) <= 1):
        return None
    return int(fields[19])


def identity(pid: int | None = None) -> Json:
    """What tells this process from every other one, past and future, on this machine.

    ``mark`` is what its starter put into its environment (see MARK): its children carry it too.
    """
    own = pid is None
    pid = os.getpid() if pid is None else pid
    return {"boot_id": boot_id(), "pid": pid, "start_ticks": start_ticks(pid),
            "mark": os.environ.get(MARK, "") if own else ""}


def is_alive(who: object) -> bool:
    """Whether exactly the process that ``identity`` described still runs; False for anything that is no identity."""
    pid = _pid(who)
    if pid is None or not isinstance(who, dict):
        return False
    ticks = start_ticks(pid)
    return ticks is not None and ticks == who.get("start_ticks")


def _pid(who: object) -> int | None:
    """The pid in an identity of this boot, None when there is none (files can hold anything)."""
    if not isinstance(who, dict) or who.get("boot_id") != boot_id():
        return None
    pid = who.get("pid")
    return pid if isinstance(pid, int) and not isinstance(pid, bool) and pid > 1 else None


def signal_group(who: object, number: signal.Signals) -> bool:
    """Send a signal to the process group that ``who`` leads; False when it is gone. Never hits a stranger."""
    pid = _pid(who)
    if pid is None or not is_alive(who):
        return False
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def kill_leftovers(who: object) -> None:
    """Kill what a dead worker's process group left running (loader processes).

    The group's number may belong to strangers by now, so only processes die that carry the worker's own mark in
    their environment; without a mark none does.
    """
    pid = _pid(who)
    if pid is None or not isinstance(who, dict) or is_alive(who) or not who.get("mark"):
        return
    mark = f"{MARK}={who['mark']}".encode()
    for member in group_members(pid):
        if member != os.getpid() and mark in _environment(member):
            _kill(member)


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []  # gone, or another user's: not ours to kill


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def group_members(group: int) -> list[int]:
    """Pids of all processes in a process group that are not zombies."""
    if group <= 1:
        return []
    stats = ((int(entry.name), _stat(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid, stat in stats if stat and stat[0] not in (b"Z", b"X") and int(stat[2]) == group]


def boot_clock() -> float:
    """Seconds since boot, sleep included; the same in every process, and nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)

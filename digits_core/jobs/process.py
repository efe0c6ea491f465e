"""Is that process still the one we started? Pid alone lies: pids are reused and dead children linger as zombies."""

import os
import signal
import time
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def boot_id() -> str:
    """Changes with every boot of the machine; DIGITS_BOOT_ID replaces it in tests."""
    override = os.environ.get("DIGITS_BOOT_ID")
    return override or Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_ticks(pid: int) -> int | None:
    """When ``pid`` started, in clock ticks since boot (/proc/PID/stat field 22); None when dead or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return None
    fields = stat.rpartition(")")[2].split()  # the name in field 2 may hold spaces and brackets
    return None if fields[0] in "ZX" else int(fields[19])


def identity(pid: int | None = None) -> Json:
    """What tells this process from every other one, past and future, on this machine."""
    pid = os.getpid() if pid is None else pid
    return {"boot_id": boot_id(), "pid": pid, "start_ticks": start_ticks(pid)}


def is_alive(who: Json | None) -> bool:
    """Whether exactly the process that ``identity`` described still runs."""
    if not who or who.get("boot_id") != boot_id() or not isinstance(who.get("pid"), int):
        return False
    ticks = start_ticks(who["pid"])
    return ticks is not None and ticks == who.get("start_ticks")


def signal_group(who: Json | None, number: signal.Signals) -> bool:
    """Send a signal to the process group that ``who`` leads; False when it is gone. Never hits a stranger."""
    if not is_alive(who) or who is None or who["pid"] <= 1:
        return False
    try:
        if os.getpgid(who["pid"]) == who["pid"]:
            os.killpg(who["pid"], number)
        else:
            os.kill(who["pid"], number)
    except ProcessLookupError:
        return False
    return True


def kill_leftovers(who: Json | None) -> None:
    """Kill what a dead worker's process group left running (loader processes).

    A group id is not reused while a member lives; a member must have started after its leader did.
    """
    if not who or who.get("boot_id") != boot_id() or is_alive(who):
        return
    for pid in group_members(who.get("pid", 0)):
        ticks = start_ticks(pid)
        if ticks is not None and ticks >= (who.get("start_ticks") or 0) and pid != who["pid"]:
            _kill(pid)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def group_members(group: int) -> list[int]:
    """Pids of all processes in a process group that are not zombies."""
    if group <= 1:
        return []
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] not in "ZX" and int(fields[2]) == group:
                members.append(int(entry.name))
    return members


def boot_clock() -> float:
    """Seconds since boot, sleep included; the same in every process, and nobody can set it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)

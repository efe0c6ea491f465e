"""Which process is ours: not a zombie, not a stranger with the same number, not one of an earlier boot."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits_core.jobs import process

Until = Callable[..., Any]
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def sleeper() -> "Iterator[subprocess.Popen[bytes]]":
    with subprocess.Popen(SLEEP, start_new_session=True) as child:
        yield child
        child.kill()


def test_a_running_process_is_alive_and_a_dead_one_is_not(sleeper: "subprocess.Popen[bytes]") -> None:
    who = process.identity(sleeper.pid)
    assert process.is_alive(who)
    sleeper.kill()
    sleeper.wait()
    assert not process.is_alive(who)


def test_a_zombie_is_dead(sleeper: "subprocess.Popen[bytes]", until: Until) -> None:
    who = process.identity(sleeper.pid)
    sleeper.kill()
    until(lambda: b") Z " in Path(f"/proc/{sleeper.pid}/stat").read_bytes())
    os.kill(sleeper.pid, 0)  # the system still knows it
    assert not process.is_alive(who) and process.group_members(sleeper.pid) == []


def test_a_zombie_with_a_running_thread_is_not_dead_yet(until: Until) -> None:
    script = ("import ctypes, threading, time; threading.Thread(target=time.sleep, args=(600,)).start(); "
              "ctypes.CDLL(None).syscall({'x86_64': 60}.get(__import__('platform').machine(), 93), 0)")
    with subprocess.Popen([sys.executable, "-c", script], start_new_session=True) as child:
        who = process.identity(child.pid)
        until(lambda: b") Z " in Path(f"/proc/{child.pid}/stat").read_bytes())
        assert process.is_alive(who) and child.poll() is None
        child.kill()
    assert not process.is_alive(who)


@pytest.mark.parametrize("change", [{"start_ticks": 1}, {"start_ticks": None}, {"boot_id": "other"}, {"boot_id": None}])
def test_a_stranger_that_got_the_number_is_never_signalled(
        sleeper: "subprocess.Popen[bytes]", change: dict[str, Any]) -> None:
    who = {**process.identity(sleeper.pid), "mark": "ours", **change}
    assert not process.is_alive(who)
    assert process.signal_group(who, signal.SIGKILL) is False
    process.kill_leftovers(who)
    assert sleeper.poll() is None and process.is_alive(process.identity(sleeper.pid))


def test_strangers_in_a_reused_group_survive(until: Until) -> None:
    script = f"import subprocess, time; subprocess.Popen({SLEEP!r}); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", script], start_new_session=True) as stranger:
        try:
            until(lambda: len(process.group_members(stranger.pid)) == 2)
            process.kill_leftovers({**process.identity(stranger.pid), "start_ticks": 1, "mark": "ours"})
            assert len(process.group_members(stranger.pid)) == 2
        finally:
            os.killpg(stranger.pid, signal.SIGKILL)


def test_what_a_dead_worker_left_running_is_killed(until: Until) -> None:
    script = f"import subprocess, time; subprocess.Popen({SLEEP!r}); time.sleep(600)"
    environment = {**os.environ, process.MARK: "/jobs/x/attempts/0001"}
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", script], start_new_session=True,
                          env=environment) as worker:
        who = {**process.identity(worker.pid), "mark": "/jobs/x/attempts/0001"}
        until(lambda: len(process.group_members(worker.pid)) == 2)
        process.kill_leftovers(who)
        assert len(process.group_members(worker.pid)) == 2  # nothing is left over while the worker lives
        worker.kill()
        worker.wait()
        process.kill_leftovers(who)
        until(lambda: process.group_members(worker.pid) == [])


def test_another_boot_makes_every_process_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    who = process.identity()
    assert process.is_alive(who)
    monkeypatch.setenv("DIGITS_BOOT_ID", "after-a-power-cut")
    assert not process.is_alive(who)
    assert process.is_alive(process.identity())


def test_a_process_with_an_odd_name_is_read_right(until: Until) -> None:
    code = r"open('/proc/self/comm', 'wb').write(b') Z \xff (x'); import time; time.sleep(600)"
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], start_new_session=True) as child:
        try:
            until(lambda: b"\xff" in Path(f"/proc/{child.pid}/stat").read_bytes())
            assert process.is_alive(process.identity(child.pid))
            assert process.group_members(child.pid) == [child.pid]
        finally:
            child.kill()


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


@given(anything | st.fixed_dictionaries({}, optional={
    "boot_id": st.just(process.boot_id()) | anything, "mark": anything, "start_ticks": anything,
    "pid": st.integers(max_value=1) | st.text() | st.booleans()}))
def test_no_identity_however_strange_is_alive_or_signalled(who: object) -> None:
    assert not process.is_alive(who) and not process.signal_group(who, signal.SIGCONT)
    process.kill_leftovers(who)


def test_the_system_s_first_processes_are_never_touched() -> None:
    for pid in (0, 1, -1):
        assert process.signal_group(process.identity(pid), signal.SIGCONT) is False
        assert process.group_members(pid) == []

"""Processes that answer one question, whatever the code inside them does."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from digits_core.jobs import child, confine
from digits_core.jobs.child import NoAnswer, ask

HEAD = "import os, sys, time\nfrom digits_core.jobs.child import answer\nfrom digits_core.jobs import confine\n"
NETWORK = pytest.mark.skipif(not confine.apart(), reason="this system has no namespaces for users")


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Asks a module made of this text, as if it brought a user's code."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{child.ROOT}")

    def run(text, question=None, longest_s=30, user_code=True):
        (tmp_path / "asked_module.py").write_text(HEAD + text)
        return ask("asked_module", question or {}, longest_s, [], user_code)

    return run


def test_it_answers_and_prints_do_no_harm(asked):
    text = ("def f(asked):\n    print('x' * 100)\n    os.system('echo loud')\n    return {'twice': 2 * asked['n']}\n"
            "answer(f)")
    assert asked(text, {"n": 21}) == {"twice": 42}


@pytest.mark.parametrize(("text", "said"), [
    ("sys.exit(3)", "ended with code 3"), ("os._exit(0)", "ended with code 0"), ("raise ValueError('why')", "why"),
    ("print('{')", "ended with code 0"), ("print([1])", "ended with code 0")])
def test_no_answer_is_said_with_the_reason(asked, text, said):
    with pytest.raises(NoAnswer, match=said):
        asked(text)


def test_what_it_started_ends_with_it(asked, tmp_path):
    text = (f"if os.fork() == 0:\n    os.setsid()\n    open({str(tmp_path / 'pid')!r}, 'w').write('x')\n"
            "    time.sleep(600)\n"
            f"while not os.path.exists({str(tmp_path / 'pid')!r}): time.sleep(0.01)\nanswer(lambda asked: {{}})")
    asked(text)
    if not confine.apart():  # a process that leaves the session is out of reach then
        return
    deadline = time.monotonic() + 30
    while [one for one in psutil.process_iter(["cmdline", "environ"]) if "asked_module" in (one.info["cmdline"] or [])
           and str(tmp_path) in str(one.info["environ"])]:
        assert time.monotonic() < deadline


def test_a_loop_without_end_ends(asked):
    with pytest.raises(NoAnswer, match="longer than 1 seconds"):
        asked("while True: pass", longest_s=1)


def test_it_sees_no_secrets(asked, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    monkeypatch.setenv("DIGITS_NOTIFY_WEBHOOK", "https://example.org/hush-hush")
    monkeypatch.setenv("DIGITS_JOBS_DIR", "/somewhere")
    seen = asked("answer(lambda asked: dict(os.environ))")
    assert "hush-hush" not in str(seen) and seen["DIGITS_JOBS_DIR"] == "/somewhere" and "PATH" in seen
    assert "hush-hush" in str(asked("answer(lambda asked: dict(os.environ))", user_code=False))


@NETWORK
def test_it_cannot_kill_who_started_it_nor_reach_the_network(asked):
    text = ("import socket\ndef f(asked):\n    try:\n        os.kill(asked['pid'], 15)\n    except OSError:\n"
            "        pass\n    nets = [name for _, name in socket.if_nameindex()]\n"
            "    return {'parent': os.getppid(), 'nets': nets}\nanswer(f)")
    found = asked(text, {"pid": os.getpid()})
    assert found["parent"] == 0 and set(found["nets"]) <= {"lo"}


def test_memory_and_files_are_bounded(asked, tmp_path):
    text = ("confine.limit(small_files=True)\ndef f(asked):\n    try:\n        bytearray(1 << 45)\n"
            "    except MemoryError:\n        memory = 'bounded'\n    try:\n"
            f"        with open({str(tmp_path / 'big')!r}, 'wb') as file:\n"
            "            for _ in range(3): file.write(bytes(50_000_000))\n"
            "    except OSError as error:\n        return {'memory': memory, 'file': error.errno}\nanswer(f)")
    assert asked(text) == {"memory": "bounded", "file": 27}
    assert (tmp_path / "big").stat().st_size <= confine.LARGEST_FILE


def test_a_flood_of_prints_is_bounded(asked):
    text = "confine.limit(small_files=True)\nwhile True: sys.stderr.write('x' * 1_000_000)"
    begun = time.monotonic()
    with pytest.raises(NoAnswer):
        asked(text)
    assert time.monotonic() - begun < 30


@pytest.mark.slow
def test_its_module_is_found_without_an_environment_of_ours(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    question = {"network": "lenet", "source": "", "values": "", "input_shape": [1, 28, 28], "classes": 10}
    assert ask("digits_core.networks.trial", question, 60, [])["parameters"] == 431_080
    assert Path(sys.executable).exists()

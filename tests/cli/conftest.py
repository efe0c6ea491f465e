"""Run commands in this process and as real processes."""

import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from digits_core.cli import app
from digits_core.settings import Settings
from tests.faults import fakes

ROOT = Path(__file__).parents[2]


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Variables that make commands use the test's jobs folder, as ``tester``, with short times."""
    return {"DIGITS_JOBS_DIR": str(settings.jobs_dir), "DIGITS_USER": "tester", "DIGITS_POLL_S": "0.05",
            "DIGITS_GRACE_S": "0.5", "DIGITS_INFERENCE_IDLE_S": "5", "OMP_NUM_THREADS": "1"}


@pytest.fixture
def digits(environment: dict[str, str]) -> Callable[..., Any]:
    """``digits("jobs", "--json")`` runs a command here; the result has exit_code, stdout and stderr."""
    return lambda *words: CliRunner().invoke(app, list(map(str, words)), env=environment, catch_exceptions=False)


@pytest.fixture
def process(environment: dict[str, str], workspace: object) -> Callable[..., subprocess.Popen[str]]:
    """``process("train", ...)`` starts a command as a process of its own; ``fake=True``: with fake workers."""
    def start(*words: object, fake: bool = False) -> subprocess.Popen[str]:
        more = fakes.environment() if fake else {}
        return subprocess.Popen([sys.executable, "-m", "digits_core", *map(str, words)], cwd=ROOT, text=True,
                                env={**os.environ, **environment, **more}, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))

    return start


@functools.cache
def tree() -> Any:
    """All commands; putting them together takes a tenth of a second."""
    return get_command(app)


def flags_of(*words: str) -> set[str]:
    """The flags that a command takes; drawing its help tells the same ten times slower."""
    command = tree()
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    return {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}


def last_json(stdout: str) -> Any:
    """The value on the last line."""
    return json.loads(stdout.rstrip("\n").splitlines()[-1])

"""A process that answers one question: a JSON object on stdin, one on stdout, and it is gone."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from digits_core.errors import DigitsError, InvalidOptions
from digits_core.jobs import confine
from digits_core.jobs.runner import ROOT, TUNED

Json = dict[str, Any]
LONGEST_ANSWER = 20_000_000
LAST_WORDS = 20_000


class NoAnswer(DigitsError):
    """The process ended without an answer, or took too long; the text says which."""


def ask(module: str, question: Json, longest_s: float, gpus: list[str], user_code: bool = False) -> Json:
    """The answer of ``python -m module`` on the GPUs with these UUIDs (none: CPU).

    With ``user_code`` it sees no secrets and, where the system allows it and no GPU is needed, no other process and no
    network. Whatever it started ends with it. Raises NoAnswer.
    """
    environ = confine.scrubbed(os.environ) if user_code else confine.without_keys(os.environ)
    environ = {**TUNED, **environ, "CUDA_VISIBLE_DEVICES": ",".join(gpus)}
    before = confine.apart() if user_code and not gpus else ()
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        asked.write(json.dumps(question).encode())
        asked.seek(0)
        child = subprocess.Popen([*before, sys.executable, "-m", module], cwd=ROOT, env=environ, stdin=asked,
                                 stdout=out, stderr=errors, start_new_session=True)
        try:
            code = child.wait(longest_s)
        except subprocess.TimeoutExpired:
            raise NoAnswer(f"it took longer than {longest_s:g} seconds") from None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return _read(out, errors, code)


def _read(out: IO[bytes], errors: IO[bytes], code: int) -> Json:
    out.seek(0)
    try:
        answer = json.loads(out.read(LONGEST_ANSWER)) if code == 0 else None
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - LAST_WORDS))
    lines = [line.strip() for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    raise NoAnswer(lines[-1][:300] if lines else f"it ended with code {code}")


def answer(function: Callable[[Json], Json]) -> None:
    """The whole life of the process: what ``function`` makes of the question. Called with prints out of the way.

    A DigitsError becomes {"error": text}, with the field and the text where options are wrong.
    """
    question = json.load(sys.stdin)
    place = os.dup(1)
    os.dup2(2, 1)  # what anybody prints is no answer
    try:
        found = function(question)
    except InvalidOptions as error:
        found = {"error": str(error), "problems": [list(problem) for problem in error.problems]}
    except DigitsError as error:
        found = {"error": str(error)}
    with os.fdopen(place, "w") as file:
        json.dump(found, file, allow_nan=False)

"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def until(condition: Callable[[], Value], timeout: float = 30, every_s: float = 0.02) -> Value:
    """The first true value of ``condition()``. Raises AssertionError when there is none within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still {value!r} after {timeout} s"
        time.sleep(every_s)
    return value

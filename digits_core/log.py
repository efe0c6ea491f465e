"""The server's own log: to stdout and to a rotating file beside the jobs, without secrets in it."""

import logging
import os
import re
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

from digits_core.errors import InvalidOptions, Problem
from digits_core.jobs.model import ID_PATTERN

FILE_BYTES, FILE_COUNT = 10_000_000, 10
FORMAT = "%(asctime)s [%(job)s] [%(levelname)s] %(message)s"

_SECRETS = (
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s:@]+(?::[^/\s@]*)?@"), r"\1***@"),
    (re.compile(r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*)[^\r\n]+"), r"\1\2***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}"), r"\1 ***"),
    (re.compile(r"(?i)\b([\w.-]*(?:token|secret|password|passwd|api[_-]?key|access[_-]?key|signature|credential)[\w-]*)"
                r"(['\"]?\s*[=:]\s*['\"]?)[^\s&'\",;)}]+"), r"\1\2***"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"), "***"),
)


def redacted(text: str) -> str:
    """The text with passwords in addresses, tokens, cookies and keys replaced by ``***``.

    >>> redacted("GET https://fred:secret@host/a?token=abc&page=2")
    'GET https://***@host/a?token=***&page=2'
    """
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class Formatter(logging.Formatter):
    """One line as DIGITS wrote it: time, job id (``-`` when it is about none), level, message."""

    def __init__(self) -> None:
        super().__init__(FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        """The whole entry, its traceback included, redacted."""
        if not hasattr(record, "job"):
            found = ID_PATTERN.search(record.getMessage())
            record.job = found.group() if found else "-"
        return redacted(super().format(record))


class PrivateFileHandler(RotatingFileHandler):
    """A rotating file that only the server's own user can read."""

    def _open(self):  # type: ignore[no-untyped-def]  # the base class names a private type
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return open(descriptor, "a", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123


def configure(path: Path, level: str = "info") -> Path:
    """Send this process's log to stdout and to the file ``path`` (10 files of 10 MB); returns it.

    Each process that schedules uses a file of its own: two writers of one rotating file would lose lines.
    Calling it again replaces the handlers of the call before, so a reload does not double every line.
    Raises InvalidOptions when the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise InvalidOptions([Problem("", f"The log {path} cannot be written: {error.strerror}. Point "
                                          "DIGITS_LOGFILE_FILENAME at a file of yours.")]) from None
    root = logging.getLogger("digits")
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    handlers: list[logging.Handler] = [
        logging.StreamHandler(sys.stdout),
        PrivateFileHandler(path, maxBytes=FILE_BYTES, backupCount=FILE_COUNT - 1, delay=True)]
    for handler in handlers:
        handler.setFormatter(Formatter())
        root.addHandler(handler)
    root.setLevel(level.upper())
    root.propagate = False
    return path

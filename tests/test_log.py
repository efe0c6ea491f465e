import logging
import stat
from pathlib import Path

import pytest

from digits_core import log


@pytest.fixture
def path(tmp_path: Path):
    yield log.configure(tmp_path / "digits.log")
    root = logging.getLogger("digits")
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.propagate, root.level = True, logging.NOTSET


def test_a_line_has_time_job_level_and_message(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("digits.scheduler").info("job 20260101-101010-abcd starts")
    logging.getLogger("digits.x").warning("nothing to do", extra={"job": "20260101-101010-ffff"})
    logging.getLogger("digits.x").error("no job here")
    lines = path.read_text().splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "[20260101-101010-abcd] [INFO] job 20260101-101010-abcd starts",
        "[20260101-101010-ffff] [WARNING] nothing to do", "[-] [ERROR] no job here"]


def test_the_file_is_private_and_configuring_twice_does_not_double_lines(path: Path) -> None:
    assert log.configure(path) == path
    logging.getLogger("digits").info("once")
    assert path.read_text().count("once") == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_is_rotated(path: Path) -> None:
    handler = next(h for h in logging.getLogger("digits").handlers if isinstance(h, log.PrivateFileHandler))
    assert (handler.maxBytes, handler.backupCount) == (10_000_000, 9)
    handler.maxBytes = 200
    for number in range(100):
        logging.getLogger("digits").info("line %d", number)
    assert len(list(path.parent.glob("digits.log*"))) == 10


@pytest.mark.parametrize(("text", "clean"), [
    ("GET https://fred:pa55@host/x", "GET https://***@host/x"),
    ("s3://key@bucket/a", "s3://***@bucket/a"),
    ("http://host/a?token=abc&page=2", "http://host/a?token=***&page=2"),
    ("Authorization: Bearer abcdefghijk", "Authorization: ***"),
    ("cookie: a=b; c=d", "cookie: ***"),
    ("used Bearer abcdef.ghijkl ok", "used Bearer *** ok"),
    ("{'password': 'geheim', 'user': 'x'}", "{'password': '***', 'user': 'x'}"),
    ("X-Amz-Signature=deadbeef&X-Amz-Date=1", "X-Amz-Signature=***&X-Amz-Date=1"),
    ("key AKIACANARY1234567890", "key ***"),
    ("mail to a@b.c about epoch 3", "mail to a@b.c about epoch 3")])
def test_secrets_never_reach_the_log(text: str, clean: str) -> None:
    assert log.redacted(text) == clean


def test_a_traceback_is_redacted_too(path: Path) -> None:
    try:
        raise ValueError("https://fred:pa55@host/x")
    except ValueError:
        logging.getLogger("digits").exception("failed")
    assert "pa55" not in path.read_text()
    assert "https://***@host/x" in path.read_text()

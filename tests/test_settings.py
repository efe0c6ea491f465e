"""Settings: from the environment, refused in words, never more open than meant."""

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from digits_core import log
from digits_core.errors import InvalidOptions
from digits_core.settings import Settings


def test_without_variables_the_defaults_hold() -> None:
    settings = Settings.load({})
    assert settings.data_roots == [] and settings.jobs_dir == Path("jobs").resolve()


def test_every_variable_is_read_by_its_type(tmp_path: Path) -> None:
    settings = Settings.load({"DIGITS_JOBS_DIR": str(tmp_path / "a" / ".." / "jobs"), "DIGITS_POLL_S": " 0.1 ",
                              "DIGITS_DEMO": "1", "DIGITS_DATA_ROOTS": f"{tmp_path}: ~ :", "DIGITS_USER": "ann",
                              "DIGITS_PRIVATE_HOSTS": "nas.local:lab", "PATH": "/bin", "DIGITS_HANDLER_MODEL": "x:y"})
    assert settings.jobs_dir == tmp_path / "jobs" and settings.poll_s == 0.1 and settings.demo is True
    assert settings.data_roots == [tmp_path, Path.home().resolve()]
    assert settings.private_hosts == ["nas.local", "lab"]


@pytest.mark.parametrize(("variable", "value"), [
    ("DIGITS_POLL_S", "fast"), ("DIGITS_POLL_S", "0"), ("DIGITS_POLL_S", "inf"), ("DIGITS_POLL_S", "nan"),
    ("DIGITS_DATASET_SLOTS", "0"), ("DIGITS_DATASET_SLOTS", "1.5"), ("DIGITS_DEMO", "perhaps"),
    ("DIGITS_GRACE_S", "-1")])
def test_a_wrong_value_is_refused_with_the_name_of_its_variable(variable: str, value: str) -> None:
    with pytest.raises(InvalidOptions, match=variable):
        Settings.load({variable: value})


@pytest.mark.parametrize("value", ["http://host/digits", "/a b", "/../digits", "/a//b", "/a?b", "/a%20b", "/.hidden",
                                   "/a\\b", "//evil.example:80"])
def test_a_prefix_that_is_no_path_is_refused(value: str) -> None:
    with pytest.raises(InvalidOptions, match=r"DIGITS_URL_PREFIX.*a path is wanted"):
        Settings.load({"DIGITS_URL_PREFIX": value})


def test_a_prefix_is_the_same_however_it_is_written() -> None:
    assert {Settings.load({"DIGITS_URL_PREFIX": text}).url_prefix
            for text in ("lab/digits", "/lab/digits", "/lab/digits/")} == {"/lab/digits"}
    assert Settings.load({"DIGITS_URL_PREFIX": "/"}).url_prefix == ""


@pytest.mark.parametrize(("page", "prefix", "address"), [
    ("https://x.org", "/digits", "https://x.org/digits"), ("https://x.org/digits/", "/digits", "https://x.org/digits/"),
    ("https://x.org/", "", "https://x.org/"), ("", "/digits", "")])
def test_notifications_link_below_the_prefix(page: str, prefix: str, address: str) -> None:
    assert Settings(notify_page=page, url_prefix=prefix).page == address


@pytest.mark.parametrize("value", [":", " : ", "::"])
def test_a_list_of_roots_that_names_nothing_never_means_everything(value: str) -> None:
    with pytest.raises(InvalidOptions, match=r"DIGITS_DATA_ROOTS.*names nothing"):
        Settings.load({"DIGITS_DATA_ROOTS": value})


def test_blank_variables_count_as_unset() -> None:
    assert Settings.load({"DIGITS_POLL_S": "", "DIGITS_DATA_ROOTS": "  "}) == Settings.load({})


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.load({}).poll_s = 3  # type: ignore[misc]


@pytest.mark.parametrize(("variables", "words"), [
    ({"DIGITS_POLL_S": "fast"}, "DIGITS_POLL_S: .*'fast'"),
    pytest.param({"DIGITS_JOBS_DIR": "/proc/jobs"}, "DIGITS_JOBS_DIR", marks=pytest.mark.slow),
    pytest.param({"DIGITS_LOGFILE_LEVEL": "loud"}, "DIGITS_LOGFILE_LEVEL: .*'loud'", marks=pytest.mark.slow)])
def test_the_server_stops_with_one_readable_line(variables: dict[str, str], words: str, tmp_path: Path) -> None:
    environment = {**os.environ, "DIGITS_JOBS_DIR": str(tmp_path / "jobs"), **variables}
    done = subprocess.run([sys.executable, "app.py"], env=environment, cwd=Path(__file__).parents[1],
                          capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(f"DIGITS cannot start. .*{words}.*", done.stderr.strip().splitlines()[-1])
    assert "Traceback" not in done.stderr


def test_the_log_goes_where_it_is_told(tmp_path: Path) -> None:
    settings = Settings.load({"DIGITS_LOGFILE_FILENAME": str(tmp_path / "logs" / "x.log")})
    assert settings.log_file == tmp_path / "logs" / "x.log"
    log.configure(settings.log_file, "warning")
    logging.getLogger("digits.x").info("quiet")
    logging.getLogger("digits.x").warning("loud")
    assert "loud" in settings.log_file.read_text() and "quiet" not in settings.log_file.read_text()
    with pytest.raises(InvalidOptions, match="DIGITS_LOGFILE_FILENAME"):
        log.configure(Path("/proc/x/digits.log"))
    assert Settings.load({"DIGITS_JOBS_DIR": str(tmp_path)}).log_file == tmp_path / "digits.log"

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

import digits_core
from digits_core.cli.identity import from_login
from digits_core.options import option_fields
from digits_core.tasks import tasks


def test_the_command_line_never_imports_torch_or_streamlit() -> None:
    code = ("import sys\nfrom digits_core.cli import app\n"
            "heavy = {'torch', 'torchvision', 'streamlit', 'fastapi', 'sklearn'} & set(sys.modules)\n"
            "sys.exit(f'imported: {heavy}' if heavy else 0)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_of_every_command_is_complete(digits: Callable) -> None:
    result = digits("--help")
    for command in ("create-dataset", "train", "classify", "classify-many", "jobs", "show", "log", "stop", "resume",
                    "delete", "restore", "export-model", "import-model", "download-data", "doctor", "scheduler",
                    "serve", "demo"):
        assert f"  {command} " in result.stdout
        assert digits(command, "--help").exit_code == 0


@pytest.mark.parametrize("task", tasks().values(), ids=lambda task: task.name)
def test_every_option_is_a_flag_with_its_help(digits: Callable, task) -> None:
    data = [(("create-dataset", task.name), task.dataset_options)] if task.source else []
    for words, cls in (*data, (("train",), task.model_options)):
        text = " ".join(digits(*words, "--help").stdout.split())
        for field in option_fields(cls):
            assert f"--{field.name.replace('_', '-')} " in text or f"--{field.name.replace('_', '-')}/" in text
            assert field.title.split()[0] in text


def test_an_unknown_command_and_an_unknown_flag_are_exit_code_2(digits: Callable) -> None:
    assert digits("paint").exit_code == 2
    result = digits("train", "--dataset", "x", "--epoch", "3")
    assert result.exit_code == 2
    assert "--epoch" in result.stderr


def test_wrong_options_are_one_line_each_on_stderr(digits: Callable, tmp_path) -> None:
    result = digits("create-dataset", "classification", "--folder", tmp_path, "--width", "0", "--height", "tall",
                    "--val-percent", "nan", "--name", "x")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert set(result.stderr.splitlines()) == {
        "--width: must be greater than or equal to 1 (got 0)",
        "--height: must be a valid integer, unable to parse string as an integer (got 'tall')",
        "--val-percent: must be a finite number (got nan)"}


def test_a_wrong_setting_names_its_variable(digits: Callable, environment: dict[str, str]) -> None:
    environment["DIGITS_POLL_S"] = "often"
    result = digits("jobs")
    assert result.exit_code == 2
    assert result.stderr.startswith("DIGITS_POLL_S: ")


def test_an_unknown_job_is_said_in_words(digits: Callable) -> None:
    result = digits("show", "20200101-000000-abcd")
    assert result.exit_code == 2
    assert result.stderr.startswith("There is no job '20200101-000000-abcd'")


@pytest.mark.parametrize(("login", "name"), [("root", "root"), ("Fred", "fred"), ("CORP\\Fred B", "corp-fred-b"),
                                             ("1000", "u1000"), ("", "u"), ("Ünal", "nal"), ("a" * 99, "a" * 60)])
def test_a_login_name_becomes_a_digits_name(login: str, name: str) -> None:
    assert from_login(login) == name


def test_the_version_is_told(digits: Callable) -> None:
    for words in (("--version",), ("serve", "--version")):
        assert digits(*words).stdout.strip() == digits_core.__version__


def test_serve_hands_port_and_debugging_on(digits: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(os, "execv", lambda path, words: started.extend([*words, os.environ["DIGITS_LOGFILE_LEVEL"]]))
    monkeypatch.setattr(os, "chdir", lambda path: None)
    monkeypatch.setenv("DIGITS_LOGFILE_LEVEL", "info")
    assert digits("serve", "-p", "8123", "-d").exit_code == 0
    assert "--server.port 8123" in " ".join(started) and started[-3:] == ["--logger.level", "debug", "debug"]
    assert digits("serve", "-p", "0").exit_code == 2


def test_serving_a_whole_network_needs_an_explicit_word(digits: Callable) -> None:
    result = digits("serve", "--address", "0.0.0.0")
    assert result.exit_code == 2
    assert "no passwords" in result.stderr


def test_a_test_notification_without_channels_says_what_to_set(digits) -> None:
    answer = digits("notify-test")
    assert answer.exit_code != 0
    assert "DIGITS_NOTIFY_WEBHOOK" in answer.output

"""What a form says as code does the same: every flag, every JSON, through every shell."""

import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.main import get_command

from digits_core.cli import app
from digits_core.cli.flags import given_values, training_options
from digits_core.data.version_options import Selection
from digits_core.data.video_options import FramesJobOptions
from digits_core.errors import InvalidOptions
from digits_core.export.options import ExportOptions
from digits_core.infer.options import AscentOptions, BatchOptions, VideoOptions
from digits_core.jobs.model import Kind
from digits_core.modelstore.upload_options import FilesOptions
from digits_core.options import OptionField, Options, option_fields
from digits_core.search.options import SearchOptions
from digits_core.services import as_code, datasets, made_of, models, pasted
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.tasks import sources, tasks
from tests.cli.conftest import digits, environment
from tests.data import planted

__all__ = ["digits", "environment"]  # fixtures
Json = dict[str, Any]
HEAD = {"name": "it's $HOME; `x` \"y\" \\ \n*", "dataset": "20200101-000000-abcd", "model": "20200101-000000-abcd"}
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.sampled_from(
    ["a,b", "-x", "--no-flag", "'", '"; rm -rf "$HOME"', "none", " ", "", "é\n\t", "$(x)", "`x`", "0.1,0.2"])


def values_of(field: OptionField) -> st.SearchStrategy[Any]:
    """Anything that an option may hold by its own limits."""
    low = field.ge if field.ge is not None else field.gt + 1e-6 if field.gt is not None else None
    one: st.SearchStrategy[Any]
    if field.choices:
        one = st.sampled_from(field.choices)
    elif field.type is bool:
        one = st.booleans()
    elif field.type is int:
        one = st.integers(None if low is None else int(low), None if field.le is None else int(field.le))
    elif field.type is float:
        one = st.floats(low, field.le, allow_nan=False, allow_infinity=False)
    elif field.kind in ("folder", "path"):
        one = WORDS | WORDS.map(lambda word: f"/data/{word}") | st.just("https://host/a?b=c&d")
    else:
        one = WORDS
    one = st.lists(one, max_size=3) if field.many else one
    return one | st.none() if field.optional else one


def some_of(cls: type[Options]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional={field.name: values_of(field) for field in option_fields(cls)})


def understood(line: str, *classes: type[Options], sweeps: bool = False) -> Json:
    """The options that the command line takes from a line, read by the very parser of the program."""
    words = shlex.split(line)[len(shlex.split(as_code.PROGRAM)):]
    command: Any = COMMANDS
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    context = command.make_context("x", words)
    flags = {name: list(value) if isinstance(value, tuple) else value for name, value in context.params.items()}
    return given_values(*classes, flags=flags, sweeps=sweeps)


COMMANDS = get_command(app)
FORMS: list[tuple[str, type[Options], tuple[type[Options], ...]]] = [
    *(("dataset", task.dataset_options, (task.dataset_options,)) for task in sources().values()),
    *(("model", task.model_options, tuple(training_options())) for task in tasks().values() if not task.base),
    ("batch", BatchOptions, (BatchOptions,)), ("video", VideoOptions, (VideoOptions,)),
    ("frames", FramesJobOptions, (FramesJobOptions,)), ("maxima", AscentOptions, (AscentOptions,)),
    ("subset", Selection, (Selection,)), ("export", ExportOptions, (ExportOptions,)),
    ("files", FilesOptions, (FilesOptions,))]
TASKS = list(sources())


@pytest.mark.parametrize("number", range(len(FORMS)))
@settings(max_examples=6)
@given(data=st.data())
def test_the_command_line_asks_for_the_same_options(number: int, data: st.DataObject) -> None:
    way, cls, classes = FORMS[number]
    wanted = data.draw(some_of(cls))
    head = {**HEAD, "task": TASKS[min(number, len(TASKS) - 1)], "file": "/w.pth"}
    if way == "files":
        wanted["file"] = "/w.pth"
    line = as_code.command_line(Asked(way, cls, head, wanted), "fred")
    found = understood(line, *classes, sweeps=way == "model")
    expected = {name: value for name, value in as_code.chosen(cls, wanted).items() if name != "file"}
    assert {name: found.get(name) for name in expected} == expected
    assert set(found) - set(expected) <= {"method", "file"}
    assert all(type(found[name]) is type(value) for name, value in expected.items() if isinstance(value, bool))


@given(wanted=some_of(tasks()["classification"].model_options))
@settings(max_examples=20)
def test_pasted_json_is_what_was_rendered(wanted: Json) -> None:
    cls = tasks()["classification"].model_options
    asked = Asked("model", cls, {"name": "n", "dataset": "20200101-000000-abcd"}, wanted)
    for whole in (False, True):
        found = pasted.read(json.dumps(as_code.body(asked, whole)), cls)
        assert found.options == as_code.chosen(cls, wanted, whole)
        assert found.beside == {"name": "n", "dataset": "20200101-000000-abcd"}


def test_a_line_survives_a_real_shell() -> None:
    cls = tasks()["classification"].model_options
    asked = Asked("model", cls, HEAD, {"network_source": "x = '''\n$(touch /tmp/no)\n'''", "shuffle": [True, False]})
    line = as_code.command_line(asked, "fred", Path("/jobs of mine"))
    done = subprocess.run(["sh", "-c", f"set -- {line}; printf '%s\\0' \"$@\""], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == shlex.split(line)
    assert "--jobs-dir" in shlex.split(line)
    call = as_code.curl(asked, "http://host/", "fred").removeprefix("curl ")
    done = subprocess.run(["sh", "-c", f"set -- {call}; printf '%s\\0' \"$@\""], capture_output=True, check=True)
    assert json.loads(done.stdout.decode().split("\0")[-2]) == as_code.body(asked)


def test_lists_to_try_and_a_search_are_told_too() -> None:
    cls = tasks()["classification"].model_options
    several = {"learning_rate": [0.1, 0.01], "shuffle": [True, False], "network": ["lenet", "alexnet"], "epochs": 3}
    line = as_code.command_line(Asked("sweep", cls, {**HEAD, "draws": 5}, several), "fred")
    assert understood(line, *training_options(), sweeps=True) == several
    assert shlex.split(line)[-4:-2] != [] and "--draws" in shlex.split(line)
    search = Asked("search", cls, HEAD, {"learning_rate": "0.001..0.1 log"}, (SearchOptions, {"trials": 7}))
    words = shlex.split(as_code.command_line(search))
    assert words[words.index("--trials") + 1] == "7" and "0.001..0.1 log" in words
    assert as_code.body(search)["search"] == {"trials": 7}


@pytest.mark.parametrize(("text", "field", "words"), [
    ('{"options": {"widthx": 3}}', "widthx", "did you mean 'width'"), ('{"height": 0}', "height", "greater than"),
    ('{"nname": "x", "options": {}}', "nname", "options stand under"), ('{"name": 3, "options": {}}', "name", "text"),
    ("{\n 'width': 3}", "", "line 2"), ("[1]", "", "begins"), ('{"width": NaN}', "", "no number|not a number"),
    ('{"width": [1, 2]}', "width", "valid integer")])
def test_what_is_wrong_with_pasted_json_stands_at_its_field(text: str, field: str, words: str) -> None:
    with pytest.raises(InvalidOptions, match=words) as caught:
        pasted.read(text, tasks()["classification"].dataset_options)
    assert [problem.field for problem in caught.value.problems] == [field]


def test_the_code_of_a_job_makes_its_twin(digits: Callable, workspace: Workspace, tmp_path: Path) -> None:
    top = planted.class_folders(tmp_path / "a set's", 8, 0, 0, 0)
    first = datasets.create_dataset(workspace, "tester", "classification", "pets' set", {
        "folder": str(top), "width": 9, "height": 10, "channels": "gray", "val_percent": 12.5, "stratified": False})
    second = models.create_model(workspace, "tester", "net $x", first.id, {
        "network": "lenet", "learning_rate": 3e-05, "lr_steps": [10.0, 20.5], "shuffle": False, "epochs": 2})
    for view, kind in ((first, Kind.DATASET), (second, Kind.MODEL)):
        asked = made_of.asked(view)
        assert asked is not None
        done = digits(*shlex.split(as_code.command_line(asked, "tester"))[3:], "--json")
        assert done.exit_code == 0, done.stderr
        twin = next(other for other in workspace.store.jobs(kind) if other.id != view.id)
        assert (twin.job.options, twin.name, twin.job.task) == (view.job.options, view.name, view.job.task)

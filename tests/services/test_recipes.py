"""A job as YAML that makes it again, here and on another server."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from digits_core.errors import BadState, InvalidOptions, NotAllowed
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import datasets, models, recipe_run, recipes
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.data import planted
from tests.services.test_versions import built


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return planted.class_folders(tmp_path / "set", 24, 0, 0, 0)


@pytest.fixture
def trained(workspace: Workspace, top: Path) -> JobView:
    """A training that waits, on a dataset that is done."""
    data = built(workspace, datasets.create_dataset(workspace, "tester", "classification", "pets", {
        "folder": str(top), "width": 8, "height": 8, "val_percent": 25}))
    assert data.status is Status.DONE
    return models.create_model(workspace, "tester", "net", data.id, {"network": "lenet", "epochs": 3, "seed": 7,
                                                                     "learning_rate": 1e-05})


@pytest.fixture
def there(tmp_path: Path) -> Workspace:
    return Workspace.open(Settings(jobs_dir=tmp_path / "there"))


def test_where_its_dataset_is_a_recipe_makes_the_model_only(workspace: Workspace, trained: JobView) -> None:
    made = recipe_run.run(workspace, "bob", recipes.recipe(workspace, "", trained.id), name="again")
    assert made.known == list(trained.job.needs)
    assert made.jobs[-1].job.options == trained.job.options
    assert (made.jobs[-1].name, made.jobs[-1].job.owner) == ("again", "bob")


def test_elsewhere_the_dataset_is_made_first_and_then_known_by_its_digest(
        workspace: Workspace, trained: JobView, there: Workspace, top: Path, tmp_path: Path) -> None:
    text = recipes.recipe(workspace, "", trained.id)
    moved = top.rename(tmp_path / "elsewhere")
    with pytest.raises(InvalidOptions, match=f"--data {top}=/path") as caught:
        recipe_run.run(there, "bob", text)
    field = caught.value.problems[0]
    assert field.field == "jobs.0.options.folder"
    assert field.message.startswith(f"Line {1 + text[:text.index('folder: ')].count(chr(10))}: ")
    assert there.store.ids() == []
    data, model = recipe_run.run(there, "bob", text, {str(top): str(moved)}).jobs
    assert model.job.needs == (data.id,) and model.status is Status.WAITING
    assert {**model.job.options, "dataset": ""} == {**trained.job.options, "dataset": ""}
    built(there, data)
    assert recipes.digest(there.store.get(data.id)) == recipes.digest(workspace.store.get(trained.job.needs[0])) != ""
    again = recipe_run.run(there, "bob", text)
    assert again.known == [data.id] and again.jobs[-1].job.options["dataset"] == data.id


def test_another_content_is_another_digest(workspace: Workspace, trained: JobView, top: Path) -> None:
    next(iter(sorted((top / "cat").iterdir()))).unlink()
    view = built(workspace, datasets.create_dataset(workspace, "tester", "classification", "pets", {
        "folder": str(top), "width": 8, "height": 8, "val_percent": 25}))
    assert recipes.digest(view) != recipes.digest(workspace.store.get(trained.job.needs[0]))


def test_all_problems_of_a_recipe_are_told_at_once_with_their_lines(workspace: Workspace, trained: JobView,
                                                                    there: Workspace) -> None:
    content = yaml.safe_load(recipes.recipe(workspace, "", trained.id))
    content["jobs"][0]["options"]["width"] = -1
    content["jobs"][1]["options"]["epocs"] = 3
    text = yaml.safe_dump(content, sort_keys=False)
    with pytest.raises(InvalidOptions) as caught:
        recipe_run.run(there, "bob", text)
    assert {problem.field for problem in caught.value.problems} == {"jobs.0.options.width", "jobs.1.options.epocs"}
    for problem in caught.value.problems:
        number = int(problem.message.removeprefix("Line ").partition(":")[0])
        assert problem.field.rpartition(".")[2] in text.splitlines()[number - 1]
    assert there.store.ids() == []


BOMB = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]"


@pytest.mark.parametrize(("text", "words"), [
    ("", "begins with"), ("digits_recipe: 1\njobs: []", "1 to 100"), ("digits_recipe: 2\njobs: []", "newer version"),
    ("a: [", "Line 1"), (BOMB, "references"), ("a: 1\na: 2", "Line 2: 'a' stands there twice"),
    ("!!python/object/apply:os.system [id]", "Line 1"), ("[" * 3000, "50 of them"),
    ("a: " + "x" * 2_000_000, "longer than"),
    ("digits_recipe: 1\njobs:\n- kind: model\n  id: 3\n", "Line 4"), ("jobs: []", "no recipe"), ("\0", "YAML"),
    ('a: !!int ""', "YAML"), ("a: !!timestamp x", "YAML"), ("a: 2020-99-99", "YAML"), ("? [a]\n: 1", "Line 1")])
def test_what_is_no_recipe_is_refused_with_its_line(text: str, words: str, workspace: Workspace) -> None:
    with pytest.raises(InvalidOptions, match=words):
        recipe_run.run(workspace, "tester", text)


def test_nobody_runs_nothing_and_answers_have_no_recipe(workspace: Workspace,
                                                        finished_job: Callable[..., JobView]) -> None:
    with pytest.raises(NotAllowed):
        recipe_run.run(workspace, "", "digits_recipe: 1")
    with pytest.raises(BadState, match="Move it as a bundle"):
        recipes.recipe(workspace, "", finished_job("inference").id)

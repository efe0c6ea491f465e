"""Whatever stands in a pasted text, a recipe or a bundle: it is refused in words, never with a fault."""

import copy
import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digits_core.errors import DigitsError
from digits_core.services import pasted, recipe_run, unbundle
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks
from tests.services.test_bundles import ID, JOB, RESULT, made

Json = dict[str, Any]
ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                                    max_size=3), max_leaves=5)
RECIPE: Json = {"digits_recipe": 1, "made": "today", "jobs": [
    {"id": "20200101-000000-abcd", "kind": "dataset", "task": "classification", "name": "d", "group": "",
     "options": {"folder": "/nowhere", "width": 8, "extension": ""}, "made": {"digest": "x"}},
    {"id": "20200101-000000-abce", "kind": "dataset", "task": "classification", "name": "v", "group": "",
     "options": {"parent": "20200101-000000-abcd", "add": {"folder": "/x"}}},
    {"id": "w", "kind": "pretrained", "task": "classification", "name": "w",
     "options": {"network": "no", "weights": "DEFAULT"}},
    {"id": "m", "kind": "model", "task": "classification", "name": "m",
     "options": {"dataset": "20200101-000000-abcd", "network": "lenet", "start_model": "w", "learning_rate": 0.1}}]}
HEAD: Json = {"schema": 1, "server": "x", "digits": "1", "jobs": [{"id": ID, "kind": "dataset"}]}
FEW = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a nested value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(found for key, one in inner for found in places(one, (*path, key)))]


def changed(value: Json, path: tuple[Any, ...], by: Any) -> Json:
    """The value with another one at a place."""
    value = copy.deepcopy(value)
    target: Any = value
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = by
    return value


@FEW
@given(path=st.sampled_from(places(RECIPE)), by=ANYTHING)
def test_a_recipe_with_anything_anywhere_is_refused(path: tuple[Any, ...], by: Any, workspace: Workspace) -> None:
    try:
        recipe_run.run(workspace, "tester", yaml.safe_dump(changed(RECIPE, path, by)))
    except DigitsError as error:
        assert str(error)
    assert workspace.store.ids() == []


@FEW
@given(path=st.sampled_from([("head", *path) for path in places(HEAD)] + [("job", *path) for path in places(JOB)]),
       by=ANYTHING)
def test_a_bundle_with_anything_in_its_json_is_taken_whole_or_refused(path: tuple[Any, ...], by: Any, tmp_path: Path,
                                                                      workspace: Workspace) -> None:
    both = changed({"head": HEAD, "job": JOB}, path, by)
    file = made(tmp_path / "x.tar", [("bundle.json", json.dumps(both["head"]).encode()),
                                     (f"jobs/{ID}/job.json", json.dumps(both["job"]).encode()), RESULT])
    try:
        for view in unbundle.unbundle(workspace, "bob", file).jobs:
            assert view.job.owner == "bob"
            workspace.store.move_to_trash(view.id)
    except DigitsError as error:
        assert str(error)
    assert workspace.store.ids() == []


@FEW
@given(value=ANYTHING, name=st.sampled_from(["options", "name", "width", "draws", "task", "folder", "search"]))
def test_pasted_nonsense_is_refused(value: Any, name: str) -> None:
    cls = tasks()["classification"].dataset_options
    for text in (json.dumps({name: value}), json.dumps({"options": {name: value}}), json.dumps(value),
                 yaml.safe_dump({name: value})):
        try:
            pasted.read(text, cls, sweeps=True)
        except DigitsError as error:
            assert str(error)

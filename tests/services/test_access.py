"""Who may do what: every action of every service goes through one question."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from digits_core.errors import DigitsError, InvalidOptions, NotAllowed
from digits_core.jobs.store import JobView
from digits_core.services import jobs
from digits_core.services.access import Action, authorize, check_user_name
from digits_core.services.workspace import Workspace

CHANGES = [action for action in get_args(Action) if action not in ("view", "predict", "create")]


@pytest.mark.parametrize("name", ["a", "ann", "a.b-c_9", "a" * 64])
def test_names_of_the_form_that_digits_had_are_taken(name: str) -> None:
    assert check_user_name(name) == name


@pytest.mark.parametrize("name", ["", "Ann", "9a", "a b", "a\n", "ann\n", "../x", "a" * 65, "ä", "-a", "<b>"])
def test_other_names_are_refused_at_their_field(name: str) -> None:
    with pytest.raises(InvalidOptions) as caught:
        check_user_name(name)
    assert list(caught.value.by_field()) == ["user"]


@pytest.mark.parametrize("user", ["", "ann", "bob"])
def test_everybody_sees_everything_and_may_predict(finished_job: Callable[..., JobView], user: str) -> None:
    view = finished_job("pretrained", owner="ann")
    authorize(user, "view", view)
    authorize(user, "predict", view)


@pytest.mark.parametrize("action", CHANGES)
@pytest.mark.parametrize(("user", "owner", "allowed"), [
    ("ann", "ann", True), ("bob", "ann", False), ("", "ann", False), ("bob", "", True), ("", "", False)])
def test_only_the_owner_changes_a_job(finished_job: Callable[..., JobView], action: Any, user: str, owner: str,
                                      allowed: bool) -> None:
    view = finished_job("pretrained", owner=owner)
    if allowed:
        authorize(user, action, view)
        return
    with pytest.raises(NotAllowed) as caught:
        authorize(user, action, view)
    assert "Choose your name" in str(caught.value) or f"belongs to {owner}" in str(caught.value)


def test_nobody_creates_without_a_name() -> None:
    with pytest.raises(NotAllowed):
        authorize("", "create")
    authorize("ann", "create")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("user", ["bob", "", "Ann", "../ann"])
@pytest.mark.parametrize("name", ["edit", "stop", "resume", "delete", "restore", "purge"])
def test_a_refused_change_leaves_every_byte_as_it_was(workspace: Workspace, finished_job: Callable[..., JobView],
                                                      user: str, name: str) -> None:
    view = finished_job("pretrained", owner="ann")
    if name in ("restore", "purge"):
        workspace.store.move_to_trash(view.id)
    before = content(workspace.store.root)
    with pytest.raises(DigitsError):
        getattr(jobs, name)(workspace, user, view.id, **({"notes": "mine"} if name == "edit" else {}))
    assert content(workspace.store.root) == before

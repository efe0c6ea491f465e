"""Who may do what. Every service asks here first, so real accounts later change this one module."""

import re
from typing import Literal

from digits_core.errors import InvalidOptions, NotAllowed, Problem
from digits_core.jobs.store import JobView

Action = Literal["view", "predict", "create", "edit", "stop", "resume", "delete", "restore", "admin"]

NAME = re.compile(r"[a-z][a-z0-9._-]{0,63}")


def check_user_name(name: str) -> str:
    """The name itself. Raises InvalidOptions when it is not one (DIGITS' rule: a-z first, then a-z 0-9 . - _)."""
    if not NAME.fullmatch(name):
        raise InvalidOptions([Problem("user", "A name starts with a small letter; then small letters, digits, "
                                              "'.', '-' and '_' may follow, 64 characters at most.")])
    return name


def authorize(user: str, action: Action, job: JobView | None = None) -> None:
    """Raise NotAllowed unless ``user`` (empty: nobody) may do ``action``, to ``job`` where it is about one.

    Local mode: everybody sees everything and may predict; a name is needed to create; jobs with an owner are
    changed by their owner only, jobs without one by anybody with a name.
    """
    if action in ("view", "predict"):
        return
    if not user:
        raise NotAllowed("Choose your name first (top right): jobs belong to somebody.")
    check_user_name(user)
    if job is not None and action not in ("create",):
        must_own(user, action, job.name, job.job.owner)


def must_own(user: str, action: Action, name: str, owner: str) -> None:
    """Raise NotAllowed unless the thing of this name belongs to ``user``, or to nobody."""
    if owner and owner != user:
        raise NotAllowed(f"'{name}' belongs to {owner}; only they may {action} it. You are {user}.")

"""Beside the form of a new dataset: what a build would find, and one picture in every resize mode."""

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from digits_core.errors import DigitsError, InvalidOptions
from digits_core.options import option_fields
from digits_core.services import datasets
from digits_core.services.workspace import Workspace
from digits_core.tasks import Task
from digits_core.ui import session
from digits_core.ui.text import count, plain, plural, size

if TYPE_CHECKING:
    from digits_core.data.preview import Preview

Json = dict[str, Any]
SPLITS = {"train": "Training", "val": "Validation", "test": "Test"}


@st.cache_data(ttl=120, max_entries=64, show_spinner="Looking at the pictures …")
def _look(task: str, options: str, _workspace: Workspace) -> Any:
    """A look takes up to three seconds, so the same form is looked at once in two minutes."""
    return datasets.preview(_workspace, task, json.loads(options))


def _found(workspace: Workspace, task: Task, options: Json) -> "Preview | None":
    """The look, or None while the form does not say where the pictures are."""
    first = next(field for field in option_fields(task.dataset_options)
                 if field.kind in ("folder", "path") and field.matters(options))
    if options.get("method") == "archive" or not options.get(first.name):
        return None
    return _look(task.name, json.dumps(options, sort_keys=True), workspace)


def summary(workspace: Workspace, task: Task, options: Json) -> None:
    """Classes, pictures, what each split will hold, the size, and the problems so far."""
    with st.container(border=True):
        st.markdown("**:material/summarize: What comes out**")
        try:
            found = _found(workspace, task, options)
        except InvalidOptions as error:
            _problems([problem.message for problem in error.problems])
            return
        except DigitsError as error:
            _problems([str(error)])
            return
        if found is None:
            st.caption("An archive is counted when it is unpacked." if options.get("method") == "archive" else
                       "Say where the pictures are; what is found there stands here.")
            return
        if found.labels:
            _numbers(found)
        _problems(found.problems)


def _numbers(found: "Preview") -> None:
    more = "more than " if found.is_estimate else ""
    left, right = st.columns(2)
    left.metric("Classes", count(len(found.labels)))
    right.metric("Pictures", more + count(found.pictures))
    total = max(1, sum(found.splits.values()))
    for name, number in found.splits.items():
        st.progress(min(1.0, number / total), text=f"{SPLITS.get(name, plain(name))} · {count(number)}")
    st.caption(f"About {more}{size(found.size)} on disk.")
    if found.labels:
        shown = ", ".join(plain(label) for label in found.labels[:12])
        st.caption(shown + (f" … and {plural(len(found.labels) - 12, 'class')} more" if len(found.labels) > 12 else ""))


def _problems(problems: list[str]) -> None:
    for problem in problems:
        st.warning(plain(problem), icon=":material/warning:")


def modes(workspace: Workspace, task: Task, options: Json) -> None:
    """One of the person's own pictures in all four resize modes, side by side."""
    try:
        found = _found(workspace, task, options)
    except DigitsError:
        return  # the summary says what is wrong
    if found is None or not found.example:
        return
    labels = next(field.labels for field in option_fields(task.dataset_options)
                  if field.name == "resize_mode")
    with session.readable("The example"), st.container(horizontal=True, gap="small"):
        for mode, png in found.example.items():
            with st.container(width=132, gap="xxsmall"):
                st.image(png, width=120, alt=f"{labels.get(mode, mode)}: {found.example_name}")
                chosen = mode == options.get("resize_mode")
                st.caption(f":primary[**{labels.get(mode, mode)}**]" if chosen else labels.get(mode, mode))
    st.caption(plain(found.example_name))

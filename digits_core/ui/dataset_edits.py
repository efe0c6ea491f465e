"""Changes that a person collects while looking through a dataset, until they become a new version of it."""

from typing import Any

import streamlit as st

from digits_core.errors import DigitsError
from digits_core.jobs.store import JobView
from digits_core.services import versions
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.text import plain, plural

Json = dict[str, Any]
DEEDS = {"exclude": "left out", "relabel": "given another class", "move": "moved"}


def collected(view: JobView) -> dict[tuple[str, int, str], Json]:
    """The changes so far, by split, position and deed; the same deed on the same picture replaces the earlier one."""
    changes: dict[tuple[str, int, str], Json] = st.session_state.setdefault(f"dataset.edits.{view.id}", {})
    return changes


def collect(view: JobView, edit: Json) -> None:
    """Remember one change."""
    collected(view)[edit["split"], edit["index"], edit["do"]] = edit


def bar(workspace: Workspace, view: JobView) -> None:
    """What was collected, and the button that makes a version of it."""
    changes = collected(view)
    if not changes:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="dataset.edits.bar"):
        words = [f"{plural(count, 'picture')} {text}" for deed, text in DEEDS.items()
                 if (count := sum(key[2] == deed for key in changes))]
        st.markdown(f"**Changes so far:** {', '.join(words)}", width="stretch")
        if st.button("Make a new version", type="primary", icon=":material/difference:", key="dataset.edits.make"):
            make(workspace, view, edits=list(changes.values()))
        if st.button("Forget them", type="tertiary", key="dataset.edits.forget"):
            changes.clear()
            st.rerun()


def make(workspace: Workspace, view: JobView, edits: list[Json] | None = None, fixes: list[str] | None = None) -> None:
    """Queue the version and go to its page; what is wrong is said here."""
    try:
        made = versions.create_version(workspace, session.user(), view.id, "", edits, fixes)
    except DigitsError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.session_state.pop(f"dataset.edits.{view.id}", None)
    st.switch_page("job.py", query_params={"id": made.id})

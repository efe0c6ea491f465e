"""The versions of a dataset: which was made from which, and what changed on the way."""

import pandas as pd
import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services import versions
from digits_core.services.workspace import Workspace
from digits_core.ui import dataset_changes, job_parts, session
from digits_core.ui.text import count, plain, plural

WORDS = {"removed": "left out", "relabelled": "given another class", "moved": "moved to another split",
         "added": "added"}


def draw(workspace: Workspace, view: JobView) -> None:
    """The line of versions, and this one's changes by class."""
    with st.container(horizontal=True):
        if st.button("Add pictures", icon=":material/add_photo_alternate:", key="dataset.add"):
            dataset_changes.add_dialog(workspace, view)
        if st.button("Make a subset", icon=":material/filter_alt:", key="dataset.subset"):
            dataset_changes.subset_dialog(workspace, view, {})
    members = versions.family(workspace, view.id)
    if len(members) == 1 and not versions.parent_of(view):
        st.caption("No other version yet. Versions also come from the tabs Fit and Pictures: leave out, relabel "
                   "or move pictures there; the dataset itself stays as it is.")
        return
    for member in members:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            job_parts.link(member)
            facts = member.folder.manifest()
            words = f"{count(facts.get('used'))} pictures"
            if changes := summary(facts.get("diff")):
                words += f"; {changes}"
            st.caption(words + (" (this one)" if member.id == view.id else ""), width="content")
    with session.readable("The changes"):
        _changes(view)


def summary(diff: object) -> str:
    """``3 pictures left out, 1 picture moved to another split``."""
    if not isinstance(diff, dict):
        return ""
    return ", ".join(f"{plural(diff[kind], 'picture')} {words}" for kind, words in WORDS.items() if diff.get(kind))


def _changes(view: JobView) -> None:
    if not versions.parent_of(view):
        return
    diff = versions.diff(view)
    st.markdown(f"**Changed here:** {plain(summary(diff) or 'nothing')}")
    st.dataframe(pd.DataFrame(diff["per_class"]), hide_index=True, key=f"dataset.diff.{view.id}", column_config={
        "class": "Class", "removed": "Left out", "relabelled_from": "Label taken away", "relabelled_to": "Label given",
        "moved": "Moved", "added": "Added"})
    rows = versions.edits_of(view)
    if not rows:
        return
    with st.expander(f"All {plural(len(rows), 'change')}", icon=":material/list:"):
        st.dataframe(pd.DataFrame(rows[:5000]), hide_index=True, key=f"dataset.changes.{view.id}")
        if len(rows) > 5000:
            st.caption("The first 5,000 are shown.")

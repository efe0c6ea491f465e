"""For each class the pictures that the network is surest of, whatever they are ("Top N predictions per category")."""

import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services import evaluation
from digits_core.services.workspace import Workspace
from digits_core.ui.report_panel import gallery
from digits_core.ui.text import plain

CLASSES = 5
"""Classes on one page."""


def draw(workspace: Workspace, view: JobView) -> None:
    """A row of pictures for each class, some classes at a time."""
    labels = evaluation.predictions(workspace, view.id).labels
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect("Classes", labels, key="top.classes", placeholder="All", width=420)
        number = st.number_input("Pictures of each class", 1, 100, 9, key="top.count", width=180)
    wanted = chosen or labels
    page = int(st.session_state.get("top.page", 1)) if len(wanted) > CLASSES else 1
    for label in wanted[(page - 1) * CLASSES:page * CLASSES]:
        st.markdown(f"**{plain(label)}**")
        rows = evaluation.pictures(workspace, view.id, show="top", predicted=label, limit=int(number)).rows
        gallery(rows, evaluation.thumbnails(workspace, view.id, rows))
    if len(wanted) > CLASSES:
        st.pagination(-(-len(wanted) // CLASSES), key="top.page")

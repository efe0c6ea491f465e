"""A page's list of jobs of one kind: filter, groups, table, and the bar for the selected rows."""

from collections.abc import Callable

import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services.workspace import Workspace
from digits_core.ui import bulk, overview, tables


def draw(workspace: Workspace, views: list[JobView], row: Callable[[JobView], tables.Row], key: str) -> None:
    """Everything below the head of a list page."""
    watch(workspace, views)
    words, group = controls()
    found = tables.matching(views, words)
    picked = tables.grouped(found, row, f"{key}.{bulk.version()}", group)
    if not found:
        st.caption("Nothing matches the filter.")
    bulk.bar(picked)


def controls() -> tuple[str, bool]:
    """The filter box and the switch for groups; both stand in the address."""
    with st.container(horizontal=True, vertical_alignment="center"):
        words = st.text_input("Filter", key="filter", bind="query-params", live=True, type="search", width="stretch",
                              icon=":material/search:", placeholder="Name, group, owner, state, network …",
                              label_visibility="collapsed")
        st.button("", icon=":material/flip:", key="jobs.invert", type="tertiary", shortcut="Ctrl+I",
                  on_click=tables.select, args=(True,), help="Invert the selection (with none selected: select all)")
        group = st.toggle("Group jobs", True, key="group", bind="query-params", persist_state="session")
    return words or "", group


def watch(workspace: Workspace, views: list[JobView]) -> None:
    """Draw the page again when one of these jobs changes its state; silent when all are over."""
    live = [view.id for view in views if not view.status.is_final]
    drawn = overview.stamp([view for view in views if view.id in live])

    @st.fragment(run_every=3 if live else None)
    def look() -> None:
        now = {job_id: view for job_id in live if (view := overview.maybe(workspace, job_id))}
        if overview.stamp(list(now.values())) != drawn:
            st.rerun()

    look()

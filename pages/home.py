"""Home: what runs now, and everything there is."""

import streamlit as st

from digits_core.jobs.model import Kind
from digits_core.tasks import tasks
from digits_core.ui import bulk, overview, session, tables
from digits_core.ui.cards import damaged_list, first_visit, nothing_yet
from digits_core.ui.frame import head

workspace = session.workspace()
views = workspace.store.jobs()
titles = {name: task.title for name, task in tasks().items()}

with head("Home"):
    if task := st.menu_button("New dataset", list(titles), format_func=titles.__getitem__, type="primary",
                              icon=":material/add:", key="home.new_dataset"):
        st.switch_page("datasets.py", query_params={"new": task})
    if task := st.menu_button("New model", list(titles), format_func=titles.__getitem__, icon=":material/add:",
                              key="home.new_model"):
        st.switch_page("models.py", query_params={"new": task})

bulk.said()
if not views:
    first_visit(workspace)
drawn = overview.stamp(views)


@st.fragment(run_every=2 if any(not view.status.is_final for view in views) else 5)
def live() -> None:
    """The numbers and the running jobs; when a job comes, ends or goes the whole page is drawn once."""
    now = workspace.store.jobs()
    if overview.stamp(now) != drawn:
        st.rerun()
    overview.metrics(workspace, now)
    overview.running_now(workspace, now)


live()

with st.container(horizontal=True, vertical_alignment="bottom"):
    words = st.text_input("Filter", key="filter", bind="query-params", live=True, type="search", width="stretch",
                          icon=":material/search:", placeholder="Name, group, owner, state, network …",
                          label_visibility="collapsed")
    group = st.toggle("Group jobs", True, key="group", bind="query-params", persist_state="session")

whole = [view for view in views if view.job.task]
broken = [view for view in views if not view.job.task]
kinds = {"Datasets": (Kind.DATASET, tables.dataset_row), "Models": (Kind.MODEL, tables.model_row),
         "Pretrained": (Kind.PRETRAINED, tables.model_row)}
lists = {title: [view for view in whole if view.job.kind is kind] for title, (kind, _) in kinds.items()}
labels = [f"{title} ({len(members)})" for title, members in lists.items()]
tabs = st.tabs([*labels, *([f"Damaged ({len(broken)})"] if broken else [])], default=labels[1])
picked: list[str] = []
for tab, (title, members) in zip(tabs, lists.items(), strict=False):
    with tab:
        found = tables.matching(members, words or "")
        picked += tables.grouped(found, kinds[title][1], f"home.{title}.{bulk.version()}", group)
        if not found:
            nothing_yet(title, bool(members))
if broken:
    with tabs[-1]:
        picked += damaged_list(broken)
bulk.bar(picked)

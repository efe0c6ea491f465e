"""Home: what runs now, and everything there is."""

import streamlit as st

from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.tasks import sources, tasks, trainable
from digits_core.ui import bulk, lists, move_panels, overview, session, tables
from digits_core.ui.cards import damaged_list, first_visit, nothing_yet
from digits_core.ui.frame import head

OTHER = "Other jobs"

workspace = session.workspace()
views = workspace.store.jobs()
titles = {name: task.title for name, task in tasks().items()}

with head("Home"):
    if task := st.menu_button("New dataset", list(sources()), format_func=titles.__getitem__, type="primary",
                              icon=":material/add:", key="home.new_dataset"):
        st.switch_page("datasets.py", query_params={"new": task})
    if task := st.menu_button("New model", list(trainable()), format_func=titles.__getitem__, icon=":material/add:",
                              key="home.new_model"):
        st.switch_page("models.py", query_params={"new": task})
    if st.button("Import", icon=":material/drive_folder_upload:", key="home.import",
                 help="Jobs of another server, or a recipe."):
        move_panels.import_dialog(workspace)

bulk.said()
if not views:
    first_visit(workspace)
drawn, fresh = overview.stamp(views), [views]


@st.fragment(run_every=2 if any(not view.status.is_final for view in views) else 5)
def live() -> None:
    """The numbers and the running jobs; when a job comes, ends or goes the whole page is drawn once."""
    now = fresh.pop() if fresh else workspace.store.jobs()
    if overview.stamp(now) != drawn:
        st.rerun()
    overview.metrics(workspace, now)
    overview.running_now(workspace, now)


live()

if not views:
    st.stop()
whole = [view for view in views if view.job.task]
broken = [view for view in views if not view.job.task]
rows = {"Datasets": tables.dataset_row, "Models": tables.model_row, "Pretrained": tables.model_row,
        OTHER: tables.other_row}
titles_of = {Kind.DATASET: "Datasets", Kind.MODEL: "Models", Kind.PRETRAINED: "Pretrained"}
members: dict[str, list[JobView]] = {title: [] for title in rows}
for view in whole:
    members[titles_of.get(view.job.kind, OTHER)].append(view)
members |= {"Damaged": broken} if broken else {}
usual = "Models" if members["Models"] else "Datasets"
session.from_address("home.tab", "tab", members, usual)
tab = st.segmented_control("What", list(members), required=True, key="home.tab", label_visibility="collapsed",
                           format_func=lambda title: f"{title} ({len(members[title])})") or usual
session.to_address("tab", tab, usual)
words, group = lists.controls()
found = tables.matching(members[tab], words)
if tab == "Damaged":
    bulk.bar(damaged_list(found))
    st.stop()
if not found:
    nothing_yet(tab, bool(members[tab]))
bulk.bar(tables.grouped(found, rows[tab], f"home.{tab}.{bulk.version()}", group))

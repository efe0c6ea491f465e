"""Datasets: the list of all, and the form of a new one."""

import streamlit as st

from digits_core.jobs.model import Kind
from digits_core.tasks import sources
from digits_core.ui import bulk, dataset_form, frames_panel, lists, session, tables
from digits_core.ui.frame import empty, head

workspace = session.workspace()
known = sources()

asked = any(name in st.query_params for name in ("new", "clone"))
if asked and dataset_form.wants_frames(workspace):
    with head("Frames of videos", "Picture files, to label or to use elsewhere"):
        if st.button("All datasets", icon=":material/arrow_back:", key="datasets.back"):
            st.query_params.clear()
            st.rerun()
    with session.shown():
        frames_panel.form(workspace, dataset_form.origin(workspace))
    st.stop()

if asked:
    task = dataset_form.task_of(workspace, known)
    with head("New dataset", task.title):
        if st.button("All datasets", icon=":material/arrow_back:", key="datasets.back"):
            st.query_params.clear()
            st.rerun()
    with session.shown():
        dataset_form.draw(workspace, task, dataset_form.origin(workspace))
    st.stop()

with head("Datasets"):
    if chosen := st.menu_button("New dataset", list(known), format_func=lambda name: known[name].title, type="primary",
                                icon=":material/add:", key="datasets.new"):
        st.query_params["new"] = chosen
        st.rerun()
    if st.button("Frames of videos", icon=":material/movie:", key="datasets.frames",
                 help="Picture files of the frames of videos, to label or to use elsewhere."):
        st.query_params["new"] = "frames"
        st.rerun()
bulk.said()
views = [view for view in workspace.store.jobs() if view.job.kind in (Kind.DATASET, Kind.FRAMES) and view.job.task]
if not views:
    with empty("photo_library", "No dataset yet", "A dataset is a set of labelled pictures, resized and split for "
               "training. Put the pictures of each class into a folder of their own, and point here."):
        if st.button("Make the first one", type="primary", icon=":material/add:", key="datasets.first"):
            st.query_params["new"] = next(iter(known))
            st.rerun()
else:
    lists.draw(workspace, views, tables.dataset_row, "datasets")

"""Datasets: the list of all, and the form of a new one."""

import streamlit as st

from digits_core.jobs.model import Kind
from digits_core.tasks import sources
from digits_core.ui import bulk, dataset_form, lists, session, tables
from digits_core.ui.frame import empty, head

workspace = session.workspace()
known = sources()

if any(name in st.query_params for name in ("new", "clone")):
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
bulk.said()
views = [view for view in workspace.store.jobs(Kind.DATASET) if view.job.kind is Kind.DATASET and view.job.task]
if not views:
    with empty("photo_library", "No dataset yet", "A dataset is a set of labelled pictures, resized and split for "
               "training. Put the pictures of each class into a folder of their own, and point here."):
        if st.button("Make the first one", type="primary", icon=":material/add:", key="datasets.first"):
            st.query_params["new"] = next(iter(known))
            st.rerun()
else:
    lists.draw(workspace, views, tables.dataset_row, "datasets")

"""Models: the list of all trainings, and the form of a new one."""

import streamlit as st

from digits_core.jobs.model import Kind
from digits_core.search.record import search_ids
from digits_core.tasks import trainable
from digits_core.ui import bulk, lists, model_form, session, tables
from digits_core.ui.frame import empty, head

workspace = session.workspace()
known = trainable()

if any(name in st.query_params for name in ("new", "clone", "start")):
    task = known.get(st.query_params.get("new", ""), next(iter(known.values())))
    with head("New model", task.title):
        if st.button("All models", icon=":material/arrow_back:", key="models.back"):
            st.query_params.clear()
            st.rerun()
    with session.shown():
        model_form.draw(workspace, task, model_form.origin(workspace))
    st.stop()

with head("Models"):
    if search_ids(workspace.store) and st.button("Searches", icon=":material/travel_explore:", key="models.searches"):
        st.switch_page("search.py")
    if chosen := st.menu_button("New model", list(known), format_func=lambda name: known[name].title, type="primary",
                                icon=":material/add:", key="models.new"):
        st.query_params["new"] = chosen
        st.rerun()
bulk.said()
views = [view for view in workspace.store.jobs(Kind.MODEL) if view.job.kind is Kind.MODEL and view.job.task]
if not views:
    with empty("neurology", "No model yet", "A model is a network that was trained on a dataset. Choose a dataset, a "
               "network and how it learns; watch the curves while it does."):
        if st.button("Train the first one", type="primary", icon=":material/add:", key="models.first"):
            st.query_params["new"] = next(iter(known))
            st.rerun()
else:
    lists.draw(workspace, views, tables.model_row, "models")

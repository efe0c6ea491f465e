"""The map of a dataset's pictures as a model sees them: the ones there are, and a new one."""

import streamlit as st

from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import datasets, embeddings
from digits_core.services.workspace import Workspace
from digits_core.ui import inference_form, job_parts, map_panel, session

SPLITS = {"train": "Training", "val": "Validation", "test": "Test"}


def draw(workspace: Workspace, view: JobView) -> None:
    """The newest finished map first; others are a choice."""
    maps = {made.id: made for made in embeddings.maps_of(workspace, view.id)}
    done = {job_id: made for job_id, made in maps.items() if made.status is Status.DONE}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if done:
            chosen = st.selectbox("Map", list(done), key=f"dataset.map.{view.id}", width=420,
                                  format_func=lambda job_id: f"{done[job_id].name} ({job_id})")
        if st.button("Make a map", icon=":material/scatter_plot:", key="dataset.map.new"):
            new(workspace, view)
    for made in maps.values():
        if not made.status.is_final:
            job_parts.link(made)
    if done:
        map_panel.draw(workspace, done.get(chosen) or next(iter(done.values())))
    elif not maps:
        st.caption("A map puts alike pictures near each other, as a trained model sees them: wrong labels, odd "
                   "pictures and groups show at a glance.")


@st.dialog("Make a map", icon=":material/scatter_plot:")
def new(workspace: Workspace, view: JobView) -> None:
    """Which model looks at which split; it becomes a job."""
    found = inference_form.ready(workspace)
    if not found:
        st.caption("No model is trained yet.")
        return
    own = [job_id for job_id, model in found.items() if view.id in model.job.needs]
    order = [*own, *(job_id for job_id in found if job_id not in own)]
    model = st.selectbox("Model", order, key="dataset.map.model", format_func=lambda job_id: found[job_id].name)
    splits = [name for name in SPLITS if name in datasets.manifest(view)["splits"]]
    split = st.segmented_control("Split", splits, default="val" if "val" in splits else splits[0], required=True,
                                 key="dataset.map.split", format_func=lambda name: SPLITS[name])
    st.caption("All pictures are classified and keep their features; at most 10,000 of them are put on the map.")
    if st.button("Make it", type="primary", icon=":material/play_arrow:", key="dataset.map.make"):
        with session.shown():
            made = embeddings.create_map(workspace, session.user(), model, view.id, split or splits[0])
            st.switch_page("job.py", query_params={"id": made.id})

"""Inference: try a model on a picture, or let it work through many."""

import streamlit as st

from digits_core.jobs.model import Kind
from digits_core.services import making, videos
from digits_core.tasks import task
from digits_core.ui import bulk, inference_form, lists, making_panel, session, tables, two_pictures, video_panel
from digits_core.ui.frame import empty, head

workspace = session.workspace()
head("Inference")
bulk.said()
found = inference_form.ready(workspace)
if not found:
    with empty("image_search", "No model to ask yet", "As soon as a training has its first checkpoint, you can try it "
               "here on your own pictures."):
        if st.button("Train a model", type="primary", icon=":material/add:", key="inference.train"):
            st.switch_page("models.py", query_params={"new": "classification"})
    st.stop()

first = {}
with session.shown():
    if clone := st.query_params.get("clone", ""):
        source = workspace.store.get(clone)
        first = {"origin": clone, "name": source.name, "options": source.job.options}
        st.session_state.setdefault("mode", "Video" if videos.is_video(source) else "Many pictures")
        st.session_state.setdefault("inference.model", str(source.job.options.get("model", "")))

left, right = st.columns([1.2, 2.2], gap="large")
with left:
    model, checkpoint = inference_form.choose(found)
    kind = task(found[model].job.task)
    modes = ["One picture", *(["Two pictures"] if kind.embeds else []), "Many pictures",
             *(["Video"] if kind.pictures else []), *(["Generate"] if making.can_make(found[model]) else [])]
    if st.session_state.get("mode", modes[0]) not in modes:  # another model was chosen
        st.session_state["mode"] = modes[0]
    mode = st.segmented_control("How many?", modes, default=modes[0], required=True,
                                key="mode", bind="query-params", label_visibility="collapsed", width="stretch",
                                format_func=lambda name: name if kind.pictures else name.replace("picture", "text"))
    picture = inference_form.one_picture(workspace, model) if mode == "One picture" else None
    both = two_pictures.choose(workspace) if mode == "Two pictures" else []
    asked = making_panel.controls(workspace, model, checkpoint) if mode == "Generate" else None
with right:
    if mode == "Many pictures":
        inference_form.batch(workspace, model, checkpoint, first)
    elif both:
        two_pictures.draw(workspace, model, checkpoint, *both)
    elif mode == "Video":
        video_panel.form(workspace, model, checkpoint, first)
    elif asked:
        making_panel.draw(workspace, model, checkpoint, *asked)
    elif picture:
        inference_form.classify(workspace, model, checkpoint, picture)
    else:
        with empty("add_photo_alternate", f"{'Drop a picture' if kind.pictures else 'Write a text'} at the left",
                   "It is classified at once; the five most probable labels stand here."):
            pass

batches = [view for view in workspace.store.jobs(Kind.INFERENCE) if view.job.kind is Kind.INFERENCE]
if batches:
    st.subheader("Batches", anchor=False)
    lists.draw(workspace, batches, tables.inference_row, "inference")

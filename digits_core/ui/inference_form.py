"""Choose a model and pictures: one to be looked at now, many as a job."""

from typing import Any

import streamlit as st

from digits_core.infer.options import WATCH, BatchOptions
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.services import inference, models
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.tasks import Measure, measures, task
from digits_core.ui import as_code, inference_panels, look_panel, s3_form, session
from digits_core.ui.forms import OptionsForm, said, show_problems, submit
from digits_core.ui.text import measured, number, plain
from digits_core.ui.widgets import path_input, start

Json = dict[str, Any]
TYPES = ["png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm", "dcm", "npy"]


def ready(workspace: Workspace) -> dict[str, JobView]:
    """Models that have a checkpoint, newest first; one in training can be asked too."""
    return {view.id: view for view in workspace.store.jobs()
            if view.job.kind in (Kind.MODEL, Kind.PRETRAINED) and models.checkpoints(view)}


def choose(found: dict[str, JobView]) -> tuple[str, str]:
    """Model and checkpoint; both stand in the address."""
    with st.container(border=True):
        newest = next(iter(found))
        session.from_address("inference.model", "model", found, newest)
        chosen = st.selectbox("Model", list(found), key="inference.model",
                              format_func=lambda job_id: found[job_id].name) or newest
        session.to_address("model", chosen, newest)
        rows = {f"{float(row['epoch']):g}": row for row in reversed(models.checkpoints(found[chosen]))}
        known = ["best", "last", *rows]
        session.from_address("inference.checkpoint", "checkpoint", known, "best")
        goal = measures(found[chosen].job.task)[0]
        epoch = st.selectbox("Epoch", known, key="inference.checkpoint",
                             format_func=lambda name: _epoch_words(name, rows, goal)) or "best"
        session.to_address("checkpoint", epoch, "best")
        st.page_link("job.py", label=f"About {plain(found[chosen].name)}", icon=":material/neurology:",
                     query_params={"id": chosen})
    return chosen, epoch


def _epoch_words(name: str, rows: dict[str, Json], goal: Measure) -> str:
    if name not in rows:
        return {"best": "Best", "last": "Last"}.get(name, name)
    metrics = rows[name].get("metrics")
    reached = number(metrics.get(f"val/{goal.name}")) if isinstance(metrics, dict) else None
    return f"Epoch {name}" + (f" · {measured(reached, goal)}" if reached is not None else "")


def one_picture(workspace: Workspace, model: str = "", key: str = "inference") -> tuple[str, bytes] | None:
    """A picture from an upload, a server path or an address; None until there is one."""
    if model and not task(workspace.store.get(model).job.task).pictures:
        return _text()
    source = st.segmented_control("Picture from", ["Upload", "Camera", "Server path or URL"], default="Upload",
                                  required=True, key=f"{key}.source", label_visibility="collapsed")
    if source == "Camera":
        shot = st.camera_input("Camera", key=f"{key}.camera", label_visibility="collapsed")
        st.caption("Browsers lend their camera to https pages and to localhost only.")
        return ("camera.jpg", shot.getvalue()) if shot else None
    if source == "Upload":
        file = st.file_uploader("Picture", TYPES, key=f"{key}.file", max_upload_size=100,
                                label_visibility="collapsed")
        return (file.name, file.getvalue()) if file else None
    text = path_input("Server path or URL", f"{key}.path", "A picture the server can read, or http(s)://…",
                      files=True).strip()
    if not text or not st.toggle("Classify", key=f"{key}.go", value=True):
        return None
    with session.shown():
        return inference.load_images(workspace, [text])[0]
    return None


def _text() -> tuple[str, bytes] | None:
    words = st.text_area("Text", key="inference.text", height=220, placeholder="Write or paste a text") or ""
    return ("text", words.encode()) if words.strip() else None


def classify(workspace: Workspace, model: str, checkpoint: str, image: tuple[str, bytes]) -> None:
    """The answer for one picture, large."""
    kind = task(workspace.store.get(model).job.task)
    whole = kind.dense and st.toggle("Do not resize", key="inference.whole", help="The picture keeps its own size, "
                                     "however large those were that the network learned from.")
    with session.shown(), st.spinner("Asking the network …", show_time=True):
        answer = inference.classify(workspace, session.user(), model, [image], checkpoint, whole=whole)[0]
        seen = None if whole else inference.network_input(workspace, session.user(), model, image)
        shown = inference.shown_input(workspace, model, image) if not answer.get("error") else image[1]
        inference_panels.one(workspace, model, kind, answer, image[1], shown, seen)
        if not answer.get("error") and not kind.view and kind.pictures:  # evidence is for labels
            look_panel.draw(workspace, model, checkpoint, image)


def _dataset(workspace: Workspace, form: OptionsForm) -> None:
    """Which dataset and split shall be tested."""
    ready = {view.id: view.name for view in workspace.store.jobs(Kind.DATASET) if view.status is Status.DONE}
    wanted = form.value("dataset")
    start(form.key("dataset"), wanted if wanted in ready else "")
    chosen = st.selectbox("Dataset", ["", *ready], key=form.key("dataset"), persist_state="session",
                          format_func=lambda name: f"{ready[name]} ({name})" if name else "Choose one",
                          help=form.fields["dataset"].help)
    form.drawn["dataset"] = chosen or ""
    show_problems(form.prefix, "dataset", chosen)
    form.draw(("split",))


def batch(workspace: Workspace, model: str, checkpoint: str, first: Json) -> None:
    """The form of a batch: uploads, a list or a folder; it becomes a job."""
    first = as_code.started("batch", first)
    prefix = f"batch.{first.get('origin', 'new')}"
    able = inference.methods_for(workspace.store.get(model))
    form = OptionsForm(prefix, BatchOptions, {"method": able[0], **(first.get("options") or {})})
    form.only("method", able)
    start(f"{prefix}.name", first.get("name", ""))
    name = st.text_input("Name", key=f"{prefix}.name", max_chars=200, placeholder="Pictures of Monday") or ""
    show_problems(prefix, "name", name)
    form.draw(("method",))
    uploads, listed = [], None
    if form.value("method") == "text":
        listed = st.file_uploader("Upload the list", ["txt", "csv", "tsv"], key=f"{prefix}.list",
                                  help="Or give its path on the server below.")
    if form.value("method") == "upload":
        uploads = st.file_uploader("Pictures", TYPES, accept_multiple_files=True, key=f"{prefix}.files") or []
        show_problems(prefix, "uploads")
    form.draw(("folder", "existing", *([] if listed else ["image_list"]), "image_folder", "table", "label_column"))
    if form.value("method") == "folder":
        s3_form.draw(workspace, form)
    if form.value("method") == "dataset":
        _dataset(workspace, form)
    with st.expander("More", icon=":material/tune:"):
        form.draw(("limit", "top", "embeddings", "whole", "notify"))
    show_problems(prefix, "model", model)
    as_code.panel(Asked("batch", BatchOptions, {"model": model, "name": name},
                        {**form.values(), "checkpoint": checkpoint}), form, "batch", first,
                  note="Uploaded files are not in it." if uploads or listed else "")
    said(prefix)
    words = "Watch the folder" if form.value("method") == WATCH else "Classify them all"
    if st.button(words, type="primary", icon=":material/play_arrow:", key=f"{prefix}.create"):
        values = {**form.values(), "checkpoint": checkpoint}
        pictures = [(file.name, file.getvalue()) for file in uploads]
        view = submit(prefix, {**values, "name": name, "model": model}, lambda: inference.create_batch(
            workspace, session.user(), model, name, values, uploads=pictures,
            list_upload=listed.getvalue() if listed else None))
        st.switch_page("job.py", query_params={"id": view.id})

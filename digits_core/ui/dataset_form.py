"""The form of a new dataset: where the pictures are, how they shall look, how to split and store them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from digits_core.jobs.model import Kind
from digits_core.services import datasets, uploads
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.tasks import Task
from digits_core.ui import as_code, dataset_preview, large_file, s3_form, session
from digits_core.ui.forms import OptionsForm, name_and_group, said, submit
from digits_core.ui.text import plain

Json = dict[str, Any]
ARCHIVES = ["zip", "tar", "tgz", "tbz2", "txz", "gz", "bz2", "xz"]


def draw(workspace: Workspace, task: Task, first: Json) -> None:
    """The form at the left, what would come out of it at the right; a finished form goes to the new job's page."""
    first = as_code.started(f"dataset.{task.name}", first)
    prefix = f"dataset.{task.name}.{first['origin']}"
    form = OptionsForm(prefix, task.dataset_options, first["options"])
    left, right = st.columns([2, 1], gap="large")
    with left:
        name, group = name_and_group(prefix, first, "Cats and dogs")
        with st.container(border=True):
            entries = "pictures" if task.pictures else task.counted.lower()
            st.markdown(f"**:material/looks_one: Where are the {entries}?**")
            upload = _source(workspace, form)
        with st.container(border=True):
            st.markdown("**:material/looks_two: How shall they look?**")
            form.draw(_group(form, "Pictures", but=("resize_mode",)))
            form.draw(("resize_mode",))
            modes = st.container()
        with st.container(border=True):
            st.markdown("**:material/looks_3: How to split and store?**")
            _split(form)
    options = {**form.values(), **({"archive": str(upload)} if upload else {})}
    with right:
        dataset_preview.summary(workspace, task, options)
        said(prefix)
        if st.button("Create dataset", type="primary", icon=":material/play_arrow:", key=f"{prefix}.create",
                     width="stretch"):
            _create(workspace, task, form, name, group, upload)
        as_code.panel(Asked("dataset", task.dataset_options, {"task": task.name, "name": name, "group": group},
                            form.values()), form, f"dataset.{task.name}", first, note=_upload_note(upload))
    with modes:
        dataset_preview.modes(workspace, task, options)


def _upload_note(upload: Path | None) -> str:
    return "The uploaded archive is not in it: put it on the server and give its path." if upload else ""


def _create(workspace: Workspace, task: Task, form: OptionsForm, name: str, group: str, upload: Path | None) -> None:
    values = {**form.values(), "name": name}
    view = submit(form.prefix, values, lambda: datasets.create_dataset(
        workspace, session.user(), task.name, name, form.values(), group, upload))
    if upload:
        uploads.discard(upload)
        st.session_state.pop(f"{form.prefix}.upload", None)
    st.switch_page("job.py", query_params={"id": view.id})


def _source(workspace: Workspace, form: OptionsForm) -> Path | None:
    """The fields of the chosen method; the path of an archive that was uploaded here."""
    upload, large = None, ""
    if "method" in form.fields:
        form.field("method", label=False)
        if form.value("method") == "archive":
            upload = upload_archive(workspace, form.prefix)
            large = "" if upload else large_file.choose(workspace, f"{form.prefix}.large")
    if large:
        form.drawn["archive"] = large
    elif upload is None:
        form.draw(_group(form, "Source", but=("method",)))
        s3_form.draw(workspace, form)
    form.draw(_group(form, "Classes"), columns=2)
    if videos := _group(form, "Videos"):
        with st.expander("Videos in these folders", icon=":material/movie:"):
            form.draw(videos)
    with st.expander("Separate folders, limits", icon=":material/tune:"):
        form.draw([*_group(form, "Source", advanced=True), *_group(form, "Classes", advanced=True)], columns=2)
    return upload


def _group(form: OptionsForm, group: str, but: Sequence[str] = (), advanced: bool = False) -> list[str]:
    return [name for name, field in form.fields.items()
            if field.group == group and field.advanced == advanced and name not in but]


def upload_archive(workspace: Workspace, prefix: str) -> Path | None:
    """A field for an archive; copy an uploaded archive to the disk once, when it has come whole."""
    file = st.file_uploader("Archive of class folders (zip, tar)", ARCHIVES, key=f"{prefix}.file")
    key = f"{prefix}.upload"
    before, path = st.session_state.get(key, ("", None))
    if path is not None and (file is None or before != file.file_id):
        uploads.discard(path)
        st.session_state.pop(key)
        path = None
    if file is not None and path is None:
        with session.shown(), st.spinner("Saving the upload …"):
            path = uploads.receive(workspace, file, file.name)
            st.session_state[key] = (file.file_id, path)
    return path


def _split(form: OptionsForm) -> None:
    form.draw(_group(form, "Split"), columns=2)
    form.draw(_group(form, "Storage"))
    with st.expander("Advanced", icon=":material/tune:"):
        form.draw([*_group(form, "Split", advanced=True), *_group(form, "Pictures", advanced=True), "notify"])


def task_of(workspace: Workspace, known: dict[str, Task]) -> Task:
    """The task that the address asks for, or that of the dataset that is cloned."""
    wanted = st.query_params.get("new", "")
    if clone := st.query_params.get("clone", ""):
        job = workspace.store.get(clone).job
        wanted = str(job.options.get("extension") or job.task)
    return known.get(wanted, next(iter(known.values())))


def wants_frames(workspace: Workspace) -> bool:
    """Whether the address asks for frames of videos instead of a dataset."""
    clone = st.query_params.get("clone", "")
    if clone and clone in workspace.store.ids():
        return workspace.store.get(clone).job.kind is Kind.FRAMES
    return st.query_params.get("new", "") == "frames"


def origin(workspace: Workspace) -> Json:
    """What the form starts with: nothing, or the values of the job that is cloned."""
    job_id = st.query_params.get("clone", "")
    if not job_id:
        return {"origin": "new", "options": {}}
    view = workspace.store.get(job_id)
    options = dict(view.job.options)
    if str(options.get("archive", "")).startswith("job:"):
        options["archive"] = ""
        st.info("The archive was uploaded for the other dataset; upload it again.", icon=":material/upload:")
    st.caption(f"Filled in from {plain(view.name)}.")
    return {"origin": job_id, "name": view.name, "group": view.group, "options": options}

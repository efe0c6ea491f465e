"""Upload a model: an archive of DIGITS, new or old, or single files of Caffe and PyTorch."""

from typing import Any

import streamlit as st

from digits_core.modelstore.upload_options import CAFFE_ENDING, ENDINGS, FILES, FilesOptions
from digits_core.services import foreign, modelstore
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.ui import as_code, large_file, session
from digits_core.ui.forms import OptionsForm, said, show_problems, submit
from digits_core.ui.widgets import start

Json = dict[str, Any]
KINDS = {"archive": "An archive", "files": "Single files"}
ARCHIVES = ["zip", "tar", "gz", "tgz", "bz2", "xz"]
UPLOADS = {"file": ("Weights", [CAFFE_ENDING[1:], *(one[1:] for one in ENDINGS)]),
           "definition": ("Model definition (.prototxt; .py for PyTorch)", ["prototxt", "py"]),
           "labels_file": ("Labels (optional)", ["txt"]), "mean_file": ("Mean (optional)", ["binaryproto", "npy"])}


@st.dialog("Upload a model", icon=":material/upload:", width="large")
def draw(workspace: Workspace) -> None:
    """What somebody brings becomes a model here: a job reads and checks it."""
    kind = st.segmented_control("What do you have?", list(KINDS), key="upload.kind", format_func=KINDS.__getitem__,
                                default="archive", required=True)
    (_archive if kind == "archive" else _files)(workspace)


def _archive(workspace: Workspace) -> None:
    file = st.file_uploader("Model archive", ARCHIVES, key="upload.archive",
                            help="As this or another server exported it, or as DIGITS of old did for Caffe "
                                 "(tar.gz or zip with info.json).")
    large = "" if file else large_file.choose(workspace, "upload.large")
    stem = file.name.partition(".")[0] if file else ""
    name = _name("upload", stem)
    allowed = st.checkbox("It may bring a custom network, whose Python code then runs on this server",
                          key="upload.code", help="Only for archives of people you trust.")
    said("upload")
    if st.button("Add the model", type="primary", icon=":material/add:", key="upload.go",
                 disabled=not (file or large)):
        with session.shown():
            with large_file.received(workspace, [file] if file else [], large) as [(sent, path)]:
                view = submit("upload", {"name": name}, lambda: modelstore.import_model(
                    workspace, session.user(), name or sent.partition(".")[0], path, allow_code=allowed))
            st.switch_page("job.py", query_params={"id": view.id})


def _files(workspace: Workspace) -> None:
    first = as_code.started("files", {"origin": "own"})
    form = OptionsForm(f"upload.{first['origin']}", FilesOptions, first.get("options"))
    sent = {}
    with st.grid(2, min_column_width=280, gap="small"):
        for field in UPLOADS:
            with st.container(gap="xxsmall"):
                if (file := _uploader(form, field)) is not None:
                    sent[field] = file
    large = "" if "file" in sent else large_file.choose(workspace, f"{form.prefix}.large")
    come = {field: file.name for field, file in sent.items()}
    if large:
        form.drawn["file"], come["file"] = "", large_file.name(workspace, large)
    with st.expander("They are on the server", expanded=any(form.initial[field] for field in FILES)):
        form.draw(tuple(field for field in FILES if field not in come), columns=1)
    names = {field: come[field] if field in come else str(form.value(field)) for field in FILES}
    _about(form, names["file"].lower(), names["definition"].lower().endswith(".py"))
    stem = names["file"].rpartition("/")[2].rpartition(".")[0]
    name = _name(form.prefix, stem, first.get("name", ""))
    as_code.panel(Asked("files", FilesOptions, {"file": form.value("file"), "name": name}, form.values()), form,
                  "files", first, note="Uploaded files are not in it: put them on the server." if come else "")
    said(form.prefix)
    if st.button("Add the model", type="primary", icon=":material/add:", key=f"{form.prefix}.go"):
        with session.shown():
            with large_file.received(workspace, list(sent.values()), large) as kept:
                received = {field: foreign.Sent(*one) for field, one in zip(come, kept, strict=True)}
                view = submit(form.prefix, {**form.values(), **names, "name": name}, lambda: foreign.import_files(
                    workspace, session.user(), name or stem or "model", form.values(), "", received))
            st.switch_page("job.py", query_params={"id": view.id})


def _about(form: OptionsForm, weights: str, code: bool) -> None:
    """What is asked of such weights; nothing before there are any."""
    caffe = weights.endswith(CAFFE_ENDING)
    if not weights.endswith((CAFFE_ENDING, *ENDINGS)):
        return
    form.draw(() if caffe else ("network", "allow_code") if code else ("network",))
    form.draw(("task", "image_type") if caffe or code else ())
    form.draw(("width", "height") if caffe else ("width", "height", "crop"))
    form.draw(("resize_mode",))
    form.draw(("mean",) if caffe else ("scale",))


def _uploader(form: OptionsForm, field: str) -> Any:
    title, endings = UPLOADS[field]
    file = st.file_uploader(title, endings, key=f"{form.key(field)}.sent")
    if file is not None:
        form.drawn[field] = ""
    show_problems(form.prefix, field, file.name if file else form.value(field))
    return file


def _name(prefix: str, placeholder: str, first: str = "") -> str:
    start(f"{prefix}.name", first)
    name = (st.text_input("Name", key=f"{prefix}.name", max_chars=200, placeholder=placeholder) or "").strip()
    show_problems(prefix, "name", name)
    return name

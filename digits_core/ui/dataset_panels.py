"""A dataset on the screen: its build while it runs, and what it holds afterwards."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from digits_core import views
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import datasets
from digits_core.services.workspace import Workspace
from digits_core.tasks import task
from digits_core.ui import (
    answer_view,
    charts,
    dataset_explore,
    dataset_files,
    dataset_fit,
    dataset_map,
    dataset_versions,
    job_parts,
    session,
)
from digits_core.ui.overview import bar
from digits_core.ui.tables import disk_bytes
from digits_core.ui.text import count, number, plain, plural, short, size

Json = dict[str, Any]
SPLITS = {"train": "Training", "val": "Validation", "test": "Test"}
NOTES = {
    "orientation": "turned upright as the camera noted",
    "first-frame": "animated: the first frame was taken",
    "misnamed": "with the ending of another format: read as what it is",
    "transparency": "transparent: put on white",
    "16-bit": "of 16 bits: the upper 8 are used",
    "float": "of floating-point numbers: read as 8 bits",
    "cmyk": "in CMYK: converted to colour",
    "ycbcr": "in YCbCr: converted to colour",
    "lab": "in Lab: converted to colour",
    "hsv": "in HSV: converted to colour",
    "repeated": "that were added had the same pixels as pictures already there",
    "tiny-box": "with boxes less than a pixel wide or high after the resize: those are ignored",
    "labels-alone": "missing: there are labels, but no such pictures",
    "damaged-videos": "came from videos with damaged parts, which were left out",
    "not-in-val": "of classes that are in training only: all belong together (one video, or one folder)",
    "other-files": "no pictures by their ending: ignored",
    "also-in-train-val": "of validation also in training (a leak: the accuracy will look better than it is)",
    "also-in-train-test": "of testing also in training (a leak: the accuracy will look better than it is)",
}


def live(workspace: Workspace, view: JobView) -> None:
    """Progress while it is built; the four numbers when it is done."""
    if not view.status.is_final:
        bar(workspace, view)
        if (left := number(view.progress.eta_s)) is not None:
            st.caption(f"{short(left)} left")
        with session.readable("The hardware history"):
            job_parts.hardware(view)
    if view.status is not Status.DONE:
        return
    with session.readable("The dataset's manifest"):
        manifest, kind = datasets.manifest(view), task(view.job.task)
        with st.grid(5, border=True, gap="small", min_column_width=150):
            st.metric("Pictures" if kind.pictures else kind.counted, count(manifest.get("used")))
            st.metric("Classes", count(len(manifest.get("labels") or [])))
            st.metric("Input", shape_words(manifest))
            st.metric("Size on disk", size(disk_bytes(view)))
            st.metric("Skipped", count(manifest.get("skipped")))


def shape_words(manifest: Json) -> str:
    """28 × 28, grey."""
    shape = manifest.get("shape") or [0, 0, 0]
    if manifest.get("channels") == "text":
        return plural(shape[2], "character")
    words = plural(shape[0], "channel") if manifest.get("channels") == "all" else "grey" if shape[0] == 1 else "colour"
    return f"{shape[2]} × {shape[1]}, {words}"


def tabs(workspace: Workspace, view: JobView) -> dict[str, Callable[[], None]]:
    """Panels of a finished dataset, by title."""
    if view.status is not Status.DONE:
        return {"Skipped": lambda: skipped(view)}
    if not dataset_explore.editable(view, view.folder.manifest()):
        kind = task(view.job.task)
        return {"Pictures" if kind.pictures else kind.counted: lambda: dataset_explore.draw(workspace, view),
                "Content": lambda: classes(workspace, view),
                "Skipped": lambda: skipped(view), "Used by": lambda: used_by(workspace, view)}
    return {"Classes": lambda: classes(workspace, view), "Pictures": lambda: dataset_explore.draw(workspace, view),
            "Fit": lambda: dataset_fit.draw(workspace, view),
            "Map": lambda: dataset_map.draw(workspace, view),
            "Versions": lambda: dataset_versions.draw(workspace, view),
            "Skipped": lambda: skipped(view), "Used by": lambda: used_by(workspace, view)}


def classes(workspace: Workspace, view: JobView) -> None:
    """How many pictures each class has in each split, beside the mean picture."""
    manifest = datasets.manifest(view)
    labels, splits = list(map(str, manifest["labels"])), manifest["splits"]
    left, right = st.columns([4, 1], gap="medium")
    with left:
        series = {SPLITS[name]: splits[name]["per_class"] for name in SPLITS if name in splits}
        counted = task(view.job.task).counted
        if not any(map(any, series.values())):
            st.caption(", ".join(map(plain, labels)))
        charts.draw(charts.stacked(labels, series, counted), f"dataset.classes.{view.id}", 340)
    with right, session.readable("The mean picture"):
        st.markdown("**Mean picture**")
        if mean := datasets.mean_picture(view):
            st.image(mean, width=160, alt="Average of all training pictures")
        pixel = manifest.get("mean_pixel") or []
        st.caption("Mean " + ", ".join(f"{value:.1f}" for value in pixel) + " of 255")
    for note in manifest.get("notes") or []:
        kind = str(note.get("kind"))
        st.caption(f":material/info: {plural(int(note.get('count', 0)), 'picture')} {plain(NOTES.get(kind, kind))}.")
    frame = pd.DataFrame({"class": labels} | {name: list(values) for name, values in series.items()})
    with st.expander("As a table", icon=":material/table:"):
        st.dataframe(frame, hide_index=True, key=f"dataset.table.{view.id}")
    if not manifest.get("target"):
        dataset_files.button(view)
    with session.readable("What its labels hold"):
        for number, panel in enumerate(views.content(task(view.job.task).view, manifest)):
            answer_view.show(panel, f"dataset.content.{view.id}.{number}")


def skipped(view: JobView) -> None:
    """Pictures that could not be used, with the reason for each."""
    found = datasets.skipped(view, 0, 1000)
    if not found.items:
        st.caption("Every picture could be used." if view.status is Status.DONE else "Nothing was skipped so far.")
        return
    st.caption(f"{plural(found.total, 'picture')} were not used."
               + (f" The first {len(found.items):,} are shown." if found.total > len(found.items) else ""))
    st.dataframe(pd.DataFrame(found.items), hide_index=True, key=f"dataset.skipped.{view.id}", column_config={
        "path": st.column_config.TextColumn("Path", width="large"), "split": "Split", "class": "Class",
        "reason": st.column_config.TextColumn("Reason", width="large")})
    st.link_button("Download the list", session.here(f"/api/datasets/{view.id}/skipped"), icon=":material/download:")


def used_by(workspace: Workspace, view: JobView) -> None:
    """Models trained on it, and the way to the next one."""
    users = datasets.used_by(workspace, view.id)
    for user in users:
        job_parts.link(user)
    if not users:
        st.caption("No model uses this dataset yet.")
    if st.button("Train a model on it", icon=":material/add:", key="dataset.train", type="primary"):
        st.switch_page("models.py", query_params={"new": view.job.task, "dataset": view.id})

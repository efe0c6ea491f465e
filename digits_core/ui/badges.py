"""One colour and one icon per state, the same everywhere."""

import streamlit as st

from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView

COLORS = {Status.WAITING: "gray", Status.RUNNING: "blue", Status.STALLED: "yellow", Status.DONE: "green",
          Status.FAILED: "red", Status.STOPPED: "orange", Status.DAMAGED: "violet"}
HEX = {Status.WAITING: "#8a93a3", Status.RUNNING: "#2f86eb", Status.STALLED: "#d9a400", Status.DONE: "#21a366",
       Status.FAILED: "#e5484d", Status.STOPPED: "#f0883e", Status.DAMAGED: "#9b6bdf"}
ICONS = {Status.WAITING: "hourglass_empty", Status.RUNNING: "play_circle", Status.STALLED: "pause_circle",
         Status.DONE: "check_circle", Status.FAILED: "error", Status.STOPPED: "stop_circle",
         Status.DAMAGED: "broken_image"}
KIND_ICONS = {Kind.DATASET: "photo_library", Kind.MODEL: "neurology", Kind.PRETRAINED: "deployed_code",
              Kind.INFERENCE: "image_search", Kind.FRAMES: "movie", Kind.PUBLISH: "publish",
              Kind.EXPORT: "package_2", Kind.IMPORT: "drive_folder_upload"}


def state(view: JobView) -> None:
    """The badge of a job's state; a stop that was asked for but not done yet says so."""
    st.badge(word(view), icon=f":material/{ICONS[view.status]}:", color=COLORS[view.status])


def word(view: JobView) -> str:
    """The state in a word."""
    asked = view.attempt is not None and view.attempt.stop is not None
    return "stopping" if asked and view.status.is_live else str(view.status)


def kind_icon(view: JobView) -> str:
    """The icon of a job's kind."""
    return f":material/{KIND_ICONS.get(view.job.kind, 'help')}:"

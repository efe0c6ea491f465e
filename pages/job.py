"""One job of any kind: live while it runs, silent when it is done."""

import streamlit as st

from digits_core.jobs.model import Kind
from digits_core.ui import (
    badges,
    dataset_panels,
    exports_panel,
    frames_panel,
    import_panel,
    inference_panels,
    job_head,
    job_parts,
    model_panels,
    publish_panel,
    session,
    store_panels,
)

PANELS = {Kind.DATASET: dataset_panels, Kind.MODEL: model_panels, Kind.INFERENCE: inference_panels,
          Kind.PRETRAINED: store_panels, Kind.FRAMES: frames_panel,
          Kind.PUBLISH: publish_panel, Kind.EXPORT: exports_panel, Kind.IMPORT: import_panel}

workspace = session.workspace()
view = session.the_job()
panels = PANELS[view.job.kind]
drawn = badges.word(view)

job_head.draw(view)
job_head.trouble(view)


@st.fragment(run_every=None if view.status.is_final else 2)
def live() -> None:
    """The part that moves; a change of state draws the whole page once, which also ends the polling."""
    now = session.the_job()
    if badges.word(now) != drawn:
        st.rerun()
    panels.live(workspace, now)


if view.job.task:
    live()
    parts = {**panels.tabs(workspace, view), "Log": lambda: job_parts.log(workspace, view),
             "Configuration": lambda: job_parts.configuration(view),
             "Related": lambda: job_parts.related(workspace, view),
             "Notes": lambda: job_parts.notes(workspace, view)}
    for tab, (title, draw) in zip(st.tabs(list(parts), key="tab", on_change="rerun", bind="query-params"),
                                  parts.items(), strict=True):
        if tab.open:
            with tab, session.readable(title):
                draw()

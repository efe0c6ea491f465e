"""What stands where there is nothing yet, or nothing that can be read."""

import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services.demo import start_demo
from digits_core.services.workspace import Workspace
from digits_core.ui import bulk, session
from digits_core.ui.frame import empty

EMPTY = {
    "Datasets": "No dataset yet. A dataset is a set of labelled pictures, resized and split for training.",
    "Models": "No model yet. A model is a network that was trained on a dataset.",
    "Pretrained": "No imported model yet. Import one in the Model Store and use it as a start.",
    "Other jobs": "No other job yet: batches, videos, frames, exports, publications and imports are listed here.",
}


def first_visit(workspace: Workspace) -> None:
    """The card of an empty jobs folder: one click to a network that learns."""
    with empty("auto_awesome", "Watch a network learn in two minutes",
               "The demo makes a dataset of 1,797 handwritten digits and trains a small network on it. "
               "It recognises more than 97 of 100 digits when it is done."):
        if st.button("Start the demo", type="primary", icon=":material/play_arrow:", key="home.demo"):
            with session.shown(), st.spinner("Writing the pictures …"):
                start_demo(workspace, session.user())
                st.rerun()
        if st.button("Use my own pictures", icon=":material/add:", key="home.own"):
            st.switch_page("datasets.py", query_params={"new": "classification"})


def nothing_yet(title: str, filtered: bool) -> None:
    """The sentence under a table without rows."""
    st.caption("Nothing matches the filter." if filtered else EMPTY[title])


def damaged_list(views: list[JobView]) -> list[str]:
    """Folders that cannot be read, each with the reason; returns the ids that were ticked."""
    st.caption("These job folders cannot be read. Restore them from a backup, or delete them.")
    rows = [{"id": view.id, "reason": view.state.reason, "what to do": view.state.try_next} for view in views]
    event = st.dataframe(rows, hide_index=True, key=f"home.damaged.{bulk.version()}", on_select="rerun",
                         selection_mode="multi-row")
    return [views[i].id for i in event["selection"]["rows"] if i < len(views)]

"""The models that answer now: how much each was asked, and how long an answer takes."""

import pandas as pd
import streamlit as st

from digits_core.services import serving
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.tables import height
from digits_core.ui.text import age, plural


@st.fragment(run_every="5s")
def draw(workspace: Workspace) -> None:
    """A table of the loaded models; it follows by itself."""
    with session.shown():
        found = serving.loaded(workspace)
        if not found:
            st.caption("No model is loaded. One is when it is asked: on the Inference page, by REST "
                       f"({session.here('/api/models/ID/predict')}, {session.here('/v2/models/ID/infer')}) or the "
                       f"command line; up to {workspace.settings.inference_models} stay loaded until nobody asked for "
                       f"{workspace.settings.inference_idle_s / 60:g} minutes.")
            return
        st.caption(f"{plural(len(found), 'model')}, at most {workspace.settings.inference_models} in a process. Half "
                   "of the last 15 minutes' requests were answered within p50, 95 % of them within p95.")
        rows = [{"name": row["name"], "epoch": row["epoch"], "device": row["device"], "bytes": row["bytes"],
                 "requests": row["requests"], "failed": row["failed"], "pictures": row["pictures"],
                 "batch": sum(size * runs for size, runs, _ in row["batches"]) / max(1, row["runs"]),
                 "p50": row["p50_ms"], "p95": row["p95_ms"], "last": age(row["last"])} for row in reversed(found)]
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="system.serving", height=height(
            len(rows)), column_config={
            "name": st.column_config.TextColumn("Model", width="medium"),
            "epoch": st.column_config.NumberColumn("Checkpoint", format="epoch %g"), "device": "Device",
            "bytes": st.column_config.NumberColumn("Weights", format="bytes"), "requests": "Requests",
            "failed": "Failed", "pictures": "Pictures",
            "batch": st.column_config.NumberColumn("Per run", format="%.1f", help="Pictures that the network "
                                                   "calculates at once: one on a CPU, more on a GPU when requests "
                                                   "come together."),
            "p50": st.column_config.NumberColumn("p50", format="%.1f ms"),
            "p95": st.column_config.NumberColumn("p95", format="%.1f ms"), "last": "Asked"})

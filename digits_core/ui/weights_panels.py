"""Weights that torchvision publishes, in the Model Store."""

from typing import Any

import pandas as pd
import streamlit as st

from digits_core.services import weights
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.forms import said, submit
from digits_core.ui.tables import height

Json = dict[str, Any]
COLUMNS = {
    "network": st.column_config.TextColumn("Network", width="medium"),
    "year": st.column_config.NumberColumn("Year", format="%d"),
    "weights": st.column_config.TextColumn("Weights"),
    "accuracy": st.column_config.NumberColumn("Accuracy", format="%.1f %%", help="Top-1 on ImageNet, as published."),
    "parameters": st.column_config.NumberColumn("Parameters", format="compact"),
    "gflops": st.column_config.NumberColumn("GFLOPs", format="%.2f", help="Of one picture at the published size."),
    "size": st.column_config.NumberColumn("Size", format="bytes"),
    "where": st.column_config.TextColumn("Here"),
}


@st.dialog("Get weights", icon=":material/cloud_download:", width="large")
def get_dialog(workspace: Workspace) -> None:
    """A table of all published weights; the chosen ones are fetched by a job."""
    words = (st.text_input("Search", key="weights.search", placeholder="resnet, mobile, vit ...", live="300ms",
                           label_visibility="collapsed") or "").lower().split()
    table(workspace, fitting(workspace, words), "weights")


def fitting(workspace: Workspace, words: list[str]) -> list[tuple[Json, Json]]:
    """Every network with each of its published weights in whose names all words are."""
    return [(row, one) for row in weights.networks(workspace) for one in row["weights"]
            if all(word in f"{row['name']} {row['title']} {one['tag']} imagenet torchvision".lower()
                   for word in words)]


def table(workspace: Workspace, rows: list[tuple[Json, Json]], key: str) -> None:
    """These weights with their figures; one can be chosen and fetched, or used."""
    if not rows:
        st.caption("No network has this in its name.")
        return
    frame = pd.DataFrame([{
        "network": row["title"], "year": row["year"], "weights": one["tag"].removeprefix("IMAGENET1K_"),
        "accuracy": 100 * one["accuracy"], "parameters": row["parameters"], "gflops": row["gflops"],
        "size": one["bytes"], "where": place(one)} for row, one in rows])
    event = st.dataframe(frame, hide_index=True, column_config=COLUMNS, key=f"{key}.table", on_select="rerun",
                         selection_mode="single-row", height=height(len(frame), 12))
    picked = [rows[index] for index in event["selection"]["rows"] if index < len(rows)]
    st.caption("Trained on the 1,000 classes of ImageNet. Click the box in front of a row to choose it.")
    said("weights")
    row, one = picked[0] if picked else ({}, {})
    if told := _told(one):
        st.caption(told)
    if one.get("ready"):
        if st.button("Use as pretrained", type="primary", icon=":material/fork_right:", key=f"{key}.use"):
            st.switch_page("models.py", query_params={"new": "classification", "start": one["job"]})
    elif st.button("Get", type="primary", icon=":material/download:", key=f"{key}.get", disabled=not picked):
        view = submit("weights", {}, lambda: weights.fetch_weights(workspace, session.user(), row["name"], one["tag"]))
        st.switch_page("job.py", query_params={"id": view.id})


def _told(one: dict[str, object]) -> str:
    """Where to read on about the chosen weights."""
    recipe = f"[How they were trained]({one['recipe']}). " if one.get("recipe") else ""
    licence = f"They have [a licence of their own]({one['license']})." if one.get("license") else \
        "torchvision names no licence of their own."
    return recipe + licence if one else ""


def place(one: dict[str, object]) -> str:
    """Whether published weights are here."""
    if one["job"]:
        return "in the store" if one["ready"] else "on their way"
    return "on disk" if one["on_disk"] else ""

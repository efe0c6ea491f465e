"""Below a prediction: every layer with its picture and statistics, and where the evidence for a label is."""

import base64
from typing import Any

import streamlit as st

from digits_core.infer.options import COLORMAPS, METHODS
from digits_core.infer.tiles import repeated
from digits_core.services import inference, models
from digits_core.services.workspace import Workspace
from digits_core.ui import charts, report_charts, session
from digits_core.ui.text import count, plain, three_digits

Json = dict[str, Any]
TITLES = {"grad-cam": "Grad-CAM", "integrated-gradients": "Integrated gradients", "occlusion": "Occlusion"}
ROWS, WIDTH = 10, 600
"""Layers on one page; pixels across, where a picture takes the whole column."""


def draw(workspace: Workspace, model: str, checkpoint: str, image: tuple[str, bytes]) -> None:
    """Two questions that are answered when they are asked: why this label, and what each layer does."""
    st.divider()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        methods = st.multiselect("Why this label?", METHODS, key="look.methods", format_func=TITLES.__getitem__,
                                 placeholder="Grad-CAM, integrated gradients, occlusion", width=460)
        labels = models.labels(workspace.store.get(model))
        label = st.selectbox("For the label", labels, index=None, key="look.label", placeholder="the best one",
                             width=220) if methods else None
        wanted = st.toggle("Show visualizations and statistics", key="layers", bind="query-params")
        colormap = st.selectbox("Colours", COLORMAPS, key="look.colours", width=130) if wanted else "jet"
    if not (methods or wanted):
        return
    with st.spinner("Looking inside …", show_time=True):
        found = inference.look(workspace, session.user(), model, image, checkpoint, 5, wanted, methods, label or "",
                               colormap)
    if methods:
        _explanations(found)
    if wanted:
        layers(found, "look")


def _explanations(found: Json) -> None:
    st.markdown(f"What speaks for **{plain(found['explained'])}**")
    with st.grid(3, gap="small", min_column_width=180):
        for row in found["explanations"]:
            with st.container(gap="xxsmall"):
                st.image(repeated(base64.b64decode(row["picture"]), WIDTH), width="stretch", alt=TITLES[row["method"]])
                st.caption(TITLES[row["method"]])


def layers(found: Json, key: str) -> None:
    """One row a layer: what it is, its numbers, its picture; some rows at a time."""
    rows = found["layers"]
    page = int(st.session_state.get(f"{key}.page", 1)) if len(rows) > ROWS else 1
    for number, row in list(enumerate(rows))[(page - 1) * ROWS:page * ROWS]:
        with st.container(border=True):
            _layer(f"{key}.histogram.{number}", row)
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(rows) > ROWS:
            st.pagination(-(-len(rows) // ROWS), key=f"{key}.page")
        st.caption(f"Learned parameters in all: {count(found['parameters'])}", width="content")


def _layer(key: str, row: Json) -> None:
    words, numbers, picture = st.columns([1, 1.2, 2.2], gap="medium")
    with words:
        st.markdown(f"**{plain(row['name'])}**")
        kind = {"input": "Input", "weights": "Weights", "activation": "Activation"}[row["kind"]]
        st.caption(kind if row["kind"] == "input" else f"{kind}, {plain(row['type'])}")
        if row["parameters"]:
            st.caption(f"{count(row['parameters'])} learned parameters")
    with numbers:
        st.caption(f"{' × '.join(map(str, row['shape']))}  \nmean {three_digits(row['mean'])}, "
                   f"std {three_digits(row['std'])}")
        charts.draw(report_charts.histogram(row["histogram"]), key, 110)
    with picture:
        if row["picture"]:
            wide = max(row["shape"][1:] or [1]) > 1
            st.image(repeated(base64.b64decode(row["picture"]), WIDTH if wide else 0), alt=f"{row['name']}, {kind}",
                     width="stretch" if wide else "content")
        else:
            st.caption("Not shown")

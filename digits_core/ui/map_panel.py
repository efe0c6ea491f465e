"""A map of pictures: alike ones lie together, some can be circled, looked at and changed, and each has its likes."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from digits_core.infer.record_inputs import RecordSource, parsed
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.services import datasets, embeddings, thumbnails
from digits_core.services.workspace import Workspace
from digits_core.ui import charts, dataset_edits, session
from digits_core.ui.text import percent, plain, plural

Json = dict[str, Any]
Numbers = NDArray[Any]
COLORED = 20
"""Classes that get a line in the legend; of more, colours repeat."""
PAGE = 27
WAYS = ("True class", "Predicted class", "Right or wrong")
CONFIG = {"displaylogo": False, "scrollZoom": True, "modeBarButtonsToRemove": ["autoScale2d"]}


@st.fragment
def draw(workspace: Workspace, view: JobView) -> None:
    """The map and, below it, the pictures that were circled."""
    with session.shown():
        page = embeddings.the_map(workspace, view.id)
        with st.container(horizontal=True, vertical_alignment="center"):
            ways = WAYS if (page.truth >= 0).any() else WAYS[1:2]
            way = st.segmented_control("Colour", ways, default=ways[0], required=True, key="map.color",
                                       label_visibility="collapsed") or ways[0]
            of = f" of {page.of:,} (a random choice)" if page.of > len(page.rows) else ""
            st.caption(f"{len(page.rows):,} pictures{of}. Circle some with the lasso, or click one.")
            st.link_button("Features", session.here(f"/api/inferences/{view.id}/features.npz"),
                           icon=":material/download:", type="tertiary")
        event = st.plotly_chart(figure(page, way), key=f"map.{view.id}", config=CONFIG, on_select="rerun",
                                selection_mode=("points", "lasso", "box"))
        chosen = numbers(event)
        data = _dataset(workspace, view)
        if chosen:
            _chosen(workspace, view, data, page, chosen)
        elif data is not None:
            dataset_edits.bar(workspace, data)  # what was collected stays in sight when nothing is circled any more


def numbers(event: Any) -> list[int]:
    """The row numbers of the points that were circled or clicked, in order."""
    points = event["selection"]["points"] if event else []
    return sorted({int(_number(point)) for point in points})


def _number(point: Json) -> float:
    number = point.get("customdata")
    return float(number[0] if isinstance(number, list) else number or 0)


def figure(page: embeddings.MapPage, way: str) -> go.Figure:
    """One point a picture, coloured by its class or by whether the network is right."""
    names, of = _groups(page, way)
    made = go.Figure()
    colors = palette(len(names)) if way != "Right or wrong" else ["#0f9d76", "#d64545", "#8a93a3"]
    shown = [([number], name) for number, name in enumerate(names)] if len(names) <= COLORED else \
        [(list(range(first, len(names), COLORED)), "") for first in range(COLORED)]
    for first, (numbers, name) in enumerate(shown):
        mask = np.isin(of, numbers)
        if mask.any():
            words = [f"{names[number]}" for number in of[mask]]
            made.add_scattergl(x=page.places[mask, 0], y=page.places[mask, 1], mode="markers", name=name or words[0],
                               text=words, customdata=page.rows[mask], hovertemplate="%{text}<extra></extra>",
                               marker={"size": 5, "color": colors[first % len(colors)], "opacity": 0.75})
    made.update_layout(height=560, margin={"l": 0, "r": 0, "t": 8, "b": 0}, dragmode="lasso", uirevision="map",
                       showlegend=len(names) <= COLORED, legend={"itemsizing": "constant", "y": 0.94},
                       hovermode="closest", xaxis={"visible": False}, yaxis={"visible": False, "scaleanchor": "x"})
    return made


def _groups(page: embeddings.MapPage, way: str) -> tuple[list[str], Numbers]:
    """Names of the groups of points, and the group of each point."""
    if way == "Right or wrong":
        return ["right", "wrong", "unknown"], np.where(page.truth < 0, 2, page.truth != page.predicted)
    labels = [charts.short_label(label) for label in page.labels]
    of = page.truth if way == "True class" else page.predicted
    return [*labels, "unknown"] if (of < 0).any() else labels, np.where(of < 0, len(labels), of)


def palette(count: int) -> list[str]:
    """So many colours around the circle (at most COLORED), light and dark in turn, so that neighbours differ."""
    count = max(1, min(count, COLORED))
    return [f"hsl({360 * number / count:.0f},70%,{(45, 62)[number % 2]}%)" for number in range(count)]


def _chosen(workspace: Workspace, view: JobView, data: JobView | None, page: embeddings.MapPage,
            chosen: list[int]) -> None:
    """The pictures that were circled, some at a time, and what can be done with all of them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(f"**{plural(len(chosen), 'picture')}**", width="content")
        if data is not None:
            _deeds(workspace, view, data, chosen)
    if data is not None:
        dataset_edits.bar(workspace, data)
    number = int(st.session_state.get("map.page", 1)) if len(chosen) > PAGE else 1
    shown = embeddings.pictures(workspace, view.id, chosen[(number - 1) * PAGE:number * PAGE])
    _gallery(workspace, view, shown, with_button=True)
    if len(chosen) > PAGE:
        st.pagination(-(-len(chosen) // PAGE), key="map.page")


def _dataset(workspace: Workspace, view: JobView) -> JobView | None:
    """The dataset whose pictures these are, when a new version of it could be made."""
    job_id = str(view.job.options.get("dataset") or "")
    if view.job.options.get("method") != "dataset" or job_id not in workspace.store.ids():
        return None
    data = workspace.store.get(job_id)
    return data if data.job.kind is Kind.DATASET and data.status is Status.DONE else None


def _deeds(workspace: Workspace, view: JobView, data: JobView, chosen: list[int]) -> None:
    labels = list(map(str, datasets.manifest(data)["labels"]))
    if st.button("Leave out", icon=":material/block:", key="map.exclude"):
        _collect(workspace, view, data, chosen, {"do": "exclude"})
    label = st.selectbox("Class", labels, index=None, key="map.label", placeholder="Right class", width=180,
                         label_visibility="collapsed")
    if st.button("Give this class", icon=":material/label:", key="map.relabel", disabled=label is None):
        _collect(workspace, view, data, chosen, {"do": "relabel", "label": label})
    split = st.selectbox("Split", ["train", "val", "test"], index=None, key="map.split", placeholder="Split", width=120,
                         label_visibility="collapsed")
    if st.button("Move there", icon=":material/drive_file_move:", key="map.move", disabled=split is None):
        _collect(workspace, view, data, chosen, {"do": "move", "to": split})


def _collect(workspace: Workspace, view: JobView, data: JobView, chosen: list[int], deed: Json) -> None:
    for row in embeddings.pictures(workspace, view.id, chosen):
        record = parsed(str(row.get("source")))
        if isinstance(record, RecordSource):
            dataset_edits.collect(data, {**deed, "split": record.split, "index": record.position})


def _gallery(workspace: Workspace, view: JobView, rows: list[Json], with_button: bool) -> None:
    thumbs = thumbnails.thumbnails(workspace, view.id, rows)
    with st.grid(9, min_column_width=100, gap="small"):
        for row, thumb in zip(rows, thumbs, strict=True):
            with st.container(gap="xxsmall"):
                if thumb:
                    st.image(thumb, width="stretch", alt=str(row.get("image", "")))
                best = (row.get("predictions") or [{}])[0].get("label", "?")
                truth = row.get("truth")
                words = plain(best) if truth in (None, best) else f":red[{plain(best)}] (is {plain(truth)})"
                cosine = f" {percent(row['similarity'])}" if "similarity" in row else ""
                st.caption(words + cosine, help=plain(str(row.get("image", ""))))
                if with_button and st.button("Alike", icon=":material/image_search:", key=f"map.like.{row['n']}",
                                             type="tertiary"):
                    alike(workspace, view, row)


@st.dialog("Alike", width="large", icon=":material/image_search:")
def alike(workspace: Workspace, view: JobView, row: Json) -> None:
    """The pictures most like one, among all of the batch, by the cosine of their features."""
    with session.shown():
        _gallery(workspace, view, [row], with_button=False)
        st.divider()
        _gallery(workspace, view, embeddings.similar(workspace, view.id, int(row["n"]), PAGE), with_button=False)

"""The map of a model that places pictures: those it was measured with, coloured by class; clicked ones are shown."""

import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services import datasets, models, similarity
from digits_core.services.workspace import Workspace
from digits_core.ui import map_panel, session
from digits_core.ui.text import plain

SPLITS = {"val": "Validation", "test": "Test"}


def splits(view: JobView) -> list[str]:
    """The splits with a map."""
    return [split for split in SPLITS if models.evaluation(view, split).get("points")]


@st.fragment
def draw(workspace: Workspace, view: JobView) -> None:
    """The map and, below it, the pictures that were circled."""
    with session.readable("The map"):
        names = splits(view)
        with st.container(horizontal=True, vertical_alignment="center"):
            split = st.segmented_control("Pictures", names, default=names[0], required=True, key="model.map.split",
                                         format_func=SPLITS.__getitem__, label_visibility="collapsed") or names[0]
            way = st.segmented_control("Colour", map_panel.WAYS, default=map_panel.WAYS[0], required=True,
                                       key="model.map.color", label_visibility="collapsed") or map_panel.WAYS[0]
            page = similarity.measured_map(view, split)
            st.caption(f"{len(page.rows):,} of {page.of:,} pictures along the two directions in which they differ "
                       "most; predicted is the class of the nearest other one. Circle some, or click one.")
        event = st.plotly_chart(map_panel.figure(page, way), key=f"model.map.{view.id}.{split}", on_select="rerun",
                                config=map_panel.CONFIG, selection_mode=("points", "lasso", "box"))
        if chosen := map_panel.numbers(event):
            _pictures(workspace, view, split, page, chosen)


def _pictures(workspace: Workspace, view: JobView, split: str, page: similarity.MapPage, chosen: list[int]) -> None:
    predicted = dict(zip(page.rows.tolist(), page.predicted.tolist(), strict=True))
    places = chosen[:map_panel.PAGE]
    found = datasets.samples(workspace, str(view.job.options.get("dataset")), split, limit=map_panel.PAGE,
                             places=places)
    st.markdown(f"**{len(chosen)} chosen**" + (f", the first {len(places)}" if len(chosen) > len(places) else ""))
    with st.grid(9, min_column_width=100, gap="small"):
        for sample in found.items:
            with st.container(gap="xxsmall"):
                st.image(sample.png, width="stretch", alt=sample.path)
                best, truth = page.labels[predicted[sample.index]], sample.class_name
                st.caption(plain(best) if best == truth else f":red[{plain(best)}] (is {plain(truth)})",
                           help=plain(sample.path))

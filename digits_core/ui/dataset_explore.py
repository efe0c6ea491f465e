"""Look through a dataset: by split, class, path and size, a page at a time, each picture in full on a click."""

import itertools
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services import datasets
from digits_core.services.workspace import Workspace
from digits_core.tasks import task
from digits_core.ui import charts, dataset_changes, dataset_edits, session
from digits_core.ui.text import count, plain, plural, size

Json = dict[str, Any]
SPLITS = {"train": "Training", "val": "Validation", "test": "Test"}
PAGES = (27, 54, 108)
NAMES = {1: ["Grey"], 3: ["Red", "Green", "Blue"]}
SIDES = {"Smaller than 32": (None, 31), "32 to 127": (32, 127), "128 to 511": (128, 511), "512 and more": (512, None)}


def draw(workspace: Workspace, view: JobView) -> None:
    """The gallery; what is chosen stands in the address."""
    manifest = datasets.manifest(view)
    labels = list(map(str, manifest["labels"]))
    names = [name for name in SPLITS if name in manifest["splits"]]
    labelled = not manifest.get("target")
    if editable(view, manifest):
        dataset_edits.bar(workspace, view)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        session.from_address("dataset.split", "split", names, names[0])
        split = st.segmented_control("Split", names, required=True, key="dataset.split",
                                     format_func=lambda name: SPLITS[name]) or names[0]
        session.to_address("split", split, names[0])
        chosen = st.selectbox("Class", labels, index=None, key="class", bind="query-params", width=200,
                              placeholder="All classes") if labelled or manifest.get("content") else None
        search = st.text_input("Path contains", key="search", bind="query-params", live=True, type="search",
                               width=200) or ""
        side = None if not task(view.job.task).pictures else st.selectbox(
            "Source's shorter side", list(SIDES), index=None, key="dataset.side", width=180, placeholder="Any size",
            help="Pixels, before it was resized; not known for data sets that an older version built.")
        limit = st.selectbox("A page", PAGES, key="dataset.limit", width=90)
    label = labels.index(chosen) if chosen in labels else None
    page_key = f"dataset.page.{split}.{label}.{search}.{side}.{limit}"
    offset = (int(st.session_state.get(page_key, 1)) - 1) * limit
    shorter = datasets.sides(*SIDES[side]) if side in SIDES else None
    found = datasets.samples(workspace, view.id, split, label, search, offset, limit, shorter)
    if not found.items:
        st.caption("No picture fits.")
        return
    grid(workspace, view, split, found.items)
    with st.container(horizontal=True, vertical_alignment="center"):
        pages = -(-found.total // limit)
        if pages > 1:
            st.pagination(pages, key=page_key)
        st.caption(f"{plural(found.total, 'picture')}", width="content")
        words = "Begins with the class and the part of the path that are chosen above."
        if editable(view, manifest) and st.button("Make a subset of these", icon=":material/filter_alt:",
                                                  key="dataset.subset.these", type="tertiary", help=words):
            dataset_changes.subset_dialog(workspace, view, {"classes": [chosen] if chosen else [], "search": search})


def grid(workspace: Workspace, view: JobView, split: str, items: list[datasets.Sample]) -> None:
    """Thumbnails with their classes; the class below a picture opens it."""
    with st.grid(9, min_column_width=100, gap="small"):
        for sample in items:
            with st.container(gap="xxsmall"):
                st.image(sample.png, width="stretch", alt=f"{sample.class_name}, {sample.path}")
                name = plain(charts.short_label(sample.words or sample.class_name or sample.path.rpartition("/")[2]))
                if st.button(name, key=f"dataset.open.{split}.{sample.index}", type="tertiary",
                             help=plain(f"{sample.path} (click for everything about it)")):
                    picture(workspace, view, split, sample.index)


@st.dialog("Picture", width="large", icon=":material/image:")
def picture(workspace: Workspace, view: JobView, split: str, index: int) -> None:
    """Everything about one picture, and what can be changed about it."""
    with session.readable("The picture"):
        row = datasets.record(workspace, view.id, split, index)
        labels = list(map(str, datasets.manifest(view)["labels"]))
        left, right = st.columns([1, 2], gap="medium")
        with left:
            st.image(row["png"], width=240, alt=row["path"])
        with right:
            title = plain(row["class"] or row["path"].rpartition("/")[2])
            st.markdown(f"**{title}** · {SPLITS[split]}, position {count(index)}")
            if row["words"]:
                st.markdown(plain(row["words"]))
            st.code(row["path"], language=None, wrap_lines=True)
            known = row["source"]
            source = f"source {known[0]} × {known[1]}" if known else "size of the source not noted"
            st.caption(f"{row['shape'][2]} × {row['shape'][1]}, {row['encoding']}, {size(row['bytes'])}; {source}")
            names = NAMES.get(len(row["channels"])) or [f"Channel {n + 1}" for n in range(len(row["channels"]))]
            st.table([{"": name, **{key: f"{channel[key]:.4g}" for key in ("min", "max", "mean", "std")}}
                      for name, channel in zip(names, row["channels"], strict=False)])
        charts.draw(histogram(row["channels"], names), f"dataset.histogram.{split}.{index}", 200)
        if editable(view, datasets.manifest(view)):
            _change(view, row, labels)


def editable(view: JobView, manifest: Json) -> bool:
    """Whether classes and splits of single entries can be changed: pictures with one class each."""
    return not manifest.get("target") and task(view.job.task).pictures


def histogram(channels: list[Json], names: list[str]) -> go.Figure:
    """How often each brightness occurs, by channel."""
    colors = {3: ("#d64545", "#2f9e5b", "#3b6fd6"), 1: ("#8a93a3",)}.get(len(names)) or charts.colors()
    figure = go.Figure([go.Scatter(x=[8 * step + 4 for step in range(32)], y=channel["histogram"], name=name,
                                   mode="lines", line={"color": color, "shape": "hvh", "width": 2})
                        for name, channel, color in zip(names, channels, itertools.cycle(colors), strict=False)])
    figure.update_layout(xaxis={"title": "Brightness", "range": [0, 256]}, yaxis={"title": "Pixels"})
    return figure


def _change(view: JobView, row: Json, labels: list[str]) -> None:
    where, key = {"split": row["split"], "index": row["index"]}, f"dataset.picture.{row['split']}.{row['index']}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Right class", labels, index=row["label"] if row["label"] < len(labels) else None,
                             key=f"{key}.label", width=200)
        if st.button("Give this class", key="dataset.picture.relabel", disabled=label == row["class"]):
            dataset_edits.collect(view, {"do": "relabel", **where, "label": label})
            st.rerun()
        target = st.selectbox("Split", [name for name in SPLITS if name != row["split"]], key=f"{key}.split",
                              format_func=lambda name: SPLITS[name], width=140)
        if st.button("Move there", key="dataset.picture.move"):
            dataset_edits.collect(view, {"do": "move", **where, "to": target})
            st.rerun()
        if st.button("Leave out", icon=":material/block:", key="dataset.picture.exclude"):
            dataset_edits.collect(view, {"do": "exclude", **where})
            st.rerun()
    st.caption("Changes are collected and become a new version of the dataset; this one stays as it is.")

"""Is this dataset fit? The findings of the check, each with its pictures and the button that repairs it."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services import datasets, fit
from digits_core.services.workspace import Workspace
from digits_core.ui import charts, dataset_edits, dataset_explore, job_head, session
from digits_core.ui.text import count, plain, plural, short

Json = dict[str, Any]
SPLITS = {"train": "Training", "val": "Validation", "test": "Test"}
PAGE = 8
SHOWN = 6
"""Members of a group that are shown."""
FINDINGS = {
    "exact": ("Same pixels", "drop-exact", "Keep one of each",
              "Copies count twice in training and say nothing new. The first one of each group stays."),
    "near": ("Nearly the same", "drop-near", "Keep one of each",
             "Resized, re-encoded or slightly changed copies. Look at them first; then the first one of each stays."),
    "leak": ("In training and in validation or test", "one-split", "Move them to training",
             "A picture that was trained on makes the accuracy look better than it is."),
    "labels": ("Under two labels", "drop-conflicts", "Leave all of them out",
               "One of the labels must be wrong. Click a picture to give it the right one, or leave them all out."),
}


def draw(workspace: Workspace, view: JobView) -> None:
    """Start the check, wait for it, or show what it found."""
    dataset_edits.bar(workspace, view)
    state = fit.fit_state(view)
    if state["state"] == "running":
        _running(view)
        return
    if state["state"] != "done":
        if state["state"] == "failed":
            st.error(plain(state["reason"]), icon=":material/error:")
        st.markdown("Every picture is looked at once: class balance, sizes, copies, the same pictures in training and "
                    "validation, pictures under two labels. It takes about a second for a thousand pictures.")
        if st.button("Check this dataset", type="primary", icon=":material/fact_check:", key="dataset.fit.start"):
            job_head.act(lambda: fit.start_fit(workspace, session.user(), view.id))
        return
    _findings(workspace, view, fit.fit(workspace, view.id, "", 0, 1))


@st.fragment(run_every=1)
def _running(view: JobView) -> None:
    state = fit.fit_state(view)
    if state["state"] != "running":
        st.rerun()
    st.progress(min(1.0, max(0.0, state["done"])), text="Looking at the pictures …")


def _findings(workspace: Workspace, view: JobView, report: Json) -> None:
    counts = report["counts"]
    with st.grid(5, border=True, gap="small", min_column_width=150):
        st.metric("Largest to smallest class", f"{report['balance']['ratio']:g} : 1",
                  delta="uneven" if report["balance"]["warn"] else "even", delta_arrow="off",
                  delta_color="inverse" if report["balance"]["warn"] else "normal")
        for kind, (title, *_) in FINDINGS.items():
            groups = "group" if counts[kind] == 1 else "groups"
            st.metric(title, count(counts[kind]), delta=groups if counts[kind] else "none", delta_arrow="off",
                      delta_color="inverse" if counts[kind] else "normal")
    balance = report["balance"]
    if not (any(counts[kind] for kind in FINDINGS) or balance["warn"] or balance["empty"] or report.get("unreadable")):
        st.success("Nothing to repair: no copies, no picture in two splits or under two labels, no small class.",
                   icon=":material/verified:")
    _balance(balance)
    for kind in FINDINGS:
        if counts[kind]:
            _finding(workspace, view, kind, report)
    _unreadable(report)
    with st.expander("Sizes of the source pictures", icon=":material/aspect_ratio:", expanded=True):
        _sizes(report["sizes"], view)
    took = short(report["seconds"]) if report["seconds"] >= 1 else "less than a second"
    st.caption(f"{plural(report['pictures'], 'picture')} looked at in {took}.")


def _balance(balance: Json) -> None:
    if balance["warn"]:
        low, high = balance["smallest"], balance["largest"]
        st.warning(f"Class **{plain(high['class'])}** has {count(high['pictures'])} training pictures, "
                   f"**{plain(low['class'])}** has {count(low['pictures'])}. Add pictures to the small classes, limit "
                   "the large ones (maximum per class), or train with class weights.", icon=":material/balance:")
    if balance["empty"]:
        st.warning("No training pictures: " + ", ".join(map(plain, balance["empty"][:20])), icon=":material/balance:")


def _finding(workspace: Workspace, view: JobView, kind: str, report: Json) -> None:
    title, fix, button, words = FINDINGS[kind]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{title}** · {plural(report['counts'][kind], 'group')}, "
                        f"{plural(report['pictures_in'][kind], 'picture')}", width="stretch")
            if st.button(button, icon=":material/build:", key=f"dataset.fix.{kind}",
                         help="Makes a new version of the dataset; this one stays as it is."):
                dataset_edits.make(workspace, view, fixes=[fix])
        st.caption(words + (" Pictures under two labels are not touched by this." if kind != "labels" else ""))
        page_key = f"dataset.fit.page.{kind}"
        page = int(st.session_state.get(page_key, 1))
        found = fit.fit(workspace, view.id, kind, (page - 1) * PAGE, PAGE)
        _groups(workspace, view, kind, found["groups"])
        pages = -(-found["total"] // PAGE)
        if pages > 1:
            st.pagination(pages, key=page_key)


def _groups(workspace: Workspace, view: JobView, kind: str, groups: list[Json]) -> None:
    pictures = _pictures(workspace, view, groups)
    with st.grid(4, min_column_width=250, gap="small"):
        for number, group in enumerate(groups):
            with st.container(border=True, horizontal=True, gap="small"):
                for member in group["members"][:SHOWN]:
                    _member(workspace, view, f"{kind}.{number}", member, pictures)
                if len(group["members"]) > SHOWN:
                    st.caption(f"and {len(group['members']) - SHOWN} more")


def _pictures(workspace: Workspace, view: JobView, groups: list[Json]) -> dict[tuple[str, int], bytes]:
    """The thumbnails of a page of groups, read with one look at each split."""
    wanted: dict[str, set[int]] = {}
    for group in groups:
        for member in group["members"][:SHOWN]:
            wanted.setdefault(member["split"], set()).add(member["index"])
    return {(split, sample.index): sample.png for split, places in wanted.items()
            for sample in datasets.samples(workspace, view.id, split, places=sorted(places)).items}


def _member(workspace: Workspace, view: JobView, key: str, member: Json,
            pictures: dict[tuple[str, int], bytes]) -> None:
    split, index = member["split"], member["index"]
    with st.container(width=104, gap="xxsmall"):
        if png := pictures.get((split, index)):
            st.image(png, width=96, alt=member["path"])
        if st.button(plain(charts.short_label(member["class"])), key=f"dataset.fit.open.{key}.{split}.{index}",
                     type="tertiary", help=plain(f"{member['path']} (click for everything about it)")):
            dataset_explore.picture(workspace, view, split, index)
        st.caption(SPLITS.get(split, plain(split)))


def _unreadable(report: Json) -> None:
    if report.get("unreadable"):
        st.warning(f"{plural(int(report['unreadable']), 'picture')} could not be read. The tab Skipped says why for "
                   "each; repair or remove them and build the dataset again.", icon=":material/broken_image:")


def _sizes(sizes: Json, view: JobView) -> None:
    if not sizes["known"]:
        st.caption("This dataset was built before the sizes of the sources were noted, or was imported. Build it "
                   "again to see them.")
        return
    (w0, w1, w2), (h0, h1, h2) = sizes["width"], sizes["height"]
    small = f" {plural(sizes['smaller'], 'picture')} smaller than the dataset's size: enlarged, and blurred by it."
    if (w0, h0) == (w2, h2):
        st.caption(f"All are {w0:,} × {h0:,} pixels." + (small if sizes["smaller"] else ""))
        return
    st.caption(f"Width {w0:,} to {w2:,} pixels (half have up to {w1:,.0f}), height {h0:,} to {h2:,} (half have up to "
               f"{h1:,.0f})." + (small if sizes["smaller"] else ""))
    left, right = st.columns(2)
    with left:
        charts.draw(_bars(sizes["side"], "Side of a square of the same area (pixels)"), f"fit.side.{view.id}", 240)
    with right:
        charts.draw(_bars(sizes["aspect"], "Width to height"), f"fit.aspect.{view.id}", 240)


def _bars(rows: list[list[float]], title: str) -> go.Figure:
    names = [f"{low:.3g} – {high:.3g}" for low, high, _ in rows]
    figure = go.Figure(go.Bar(x=list(range(len(rows))), y=[row[2] for row in rows], customdata=names, name="",
                              marker={"color": charts.colors()[0]}, hovertemplate="%{customdata}: %{y:,}"))
    ticks = list(range(0, len(rows), 4))
    figure.update_layout(bargap=0.1, yaxis={"title": "Pictures"}, xaxis={
        "title": title, "tickvals": ticks, "ticktext": [f"{rows[place][0]:.3g}" for place in ticks]})
    return figure

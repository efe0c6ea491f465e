"""Predictions on the screen: one picture with its bars, a batch with its table."""

import base64
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from digits_core.infer.options import WATCH
from digits_core.infer.results import best_of
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import evaluation, inference, maxima, models, thumbnails, videos
from digits_core.services.workspace import Workspace
from digits_core.tasks import Task, measures, task
from digits_core.ui import answer_view, map_panel, maxima_panel, report_panel, session, top_panel, video_panel, worst
from digits_core.ui.model_panels import show_report
from digits_core.ui.overview import bar
from digits_core.ui.text import count, number, percent, plain, plural, short

Json = dict[str, Any]
PAGE = 50
NEWEST = 8
"""Pictures of a watched folder that are shown while it runs."""


def one(workspace: Workspace, model: str, task: Task, answer: Json, picture: bytes, shown: bytes,
        seen: bytes | None) -> None:
    """A picture, large, beside what its model says about it; ``shown`` is it as a PNG."""
    if task.view and not answer.get("error"):
        answer_view.draw(workspace, model, picture, shown, answer)
        _seen(answer, seen)
        return
    left, right = st.columns([1, 1.2], gap="large")
    with left:
        with session.readable("The picture"):
            st.image(shown, width="stretch", alt=str(answer.get("image", "")))
        st.caption(plain(answer.get("image", "")))
    with right:
        if answer.get("error"):
            st.error(plain(answer["error"]), icon=":material/broken_image:")
            return
        bars(answer["predictions"])
        _seen(answer, seen)


def _seen(answer: Json, seen: bytes | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if seen:
            st.image(seen, width=72, alt="What the network sees")
            st.caption("What the network sees", width="content")
        if (latency := number(answer.get("latency_ms"))) is not None:
            st.caption(f":material/timer: {latency:.1f} ms", width="content")


def bars(predictions: list[Json]) -> None:
    """Labels with their probability, best first."""
    for rank, row in enumerate(predictions):
        share = min(1.0, max(0.0, number(row["probability"]) or 0.0))
        label = plain(row["label"])
        with st.container(gap="xxsmall"):
            if rank == 0:
                st.subheader(f"{label} :primary[{percent(share)}]", anchor=False)
                st.progress(share)
            else:
                st.progress(share, text=f"{label}  :gray[{percent(share)}]")


def live(workspace: Workspace, view: JobView) -> None:
    """Progress of a batch, and its key figures when it is done; or the pictures that excite units."""
    if maxima.is_maxima(view):
        maxima_panel.live(workspace, view)
        return
    if videos.is_video(view):
        video_panel.live(workspace, view)
        return
    if view.job.options.get("method") == WATCH and view.status.is_live:
        _arrivals(workspace, view)
        return
    if not view.status.is_final:
        bar(workspace, view)
        if (left := number(view.progress.eta_s)) is not None:
            st.caption(f"{short(left)} left")
        return
    with session.readable("The summary"):
        summary = inference.batch_summary(workspace, view.id)
        if summary and summary.get("accuracy") is None:
            with st.grid(3, border=True, gap="small", min_column_width=150):
                st.metric("Pictures", count(summary.get("pictures")))
                st.metric("Could not be read", count(summary.get("failed")))
                if not task(view.job.task).view:
                    st.metric("With a known label", count(summary.get("labelled")))


def _arrivals(workspace: Workspace, view: JobView) -> None:
    """The newest pictures of a watched folder; the table below has all of them."""
    extra = view.progress.extra
    done, waiting = (int(number(extra.get(name)) or 0) for name in ("pictures", "waiting"))
    words = plain(view.progress.phase) if view.progress.phase != "Watching" else "Watching"
    st.info(f"{words} · {plural(done, 'picture')} so far" + (f", {waiting} not whole yet" if waiting else "")
            + ". It goes on until you stop it.", icon=":material/visibility:")
    rows = inference.batch_results(workspace, view.id, max(0, done - NEWEST), NEWEST).rows[::-1]
    with st.grid(NEWEST, gap="small", min_column_width=120):
        for row, thumb in zip(rows, thumbnails.thumbnails(workspace, view.id, rows, 160), strict=True):
            best = (best_of(row) or [{}])[0]
            with st.container(gap="xxsmall"):
                if thumb:
                    st.image(thumb, width="stretch", alt=str(row.get("image", "")))
                share = number(best.get("probability"))
                st.markdown(f"**{plain(best['label'])}** {percent(share) if share is not None else ''}" if best
                            else f":red[{plain(row.get('error', ''))}]")
                st.caption(plain(row.get("image", "")))


def tabs(workspace: Workspace, view: JobView) -> dict[str, Callable[[], None]]:
    """Panels of a batch, by title."""
    if maxima.is_maxima(view):
        return {}
    if videos.is_video(view):
        return video_panel.tabs(workspace, view)
    found: dict[str, Callable[[], None]] = {"Results": lambda: results(workspace, view)}
    if view.job.options.get("embeddings") and view.status is Status.DONE:
        found |= {"Map": lambda: map_panel.draw(workspace, view)}
    split = str(view.job.options.get("split"))
    if view.job.options.get("method") == "dataset" and models.evaluation(view, split):
        found = {"Report": lambda: _measured(workspace, view, split), **found}
    if evaluation.splits(view):
        found |= {"Top pictures": lambda: top_panel.draw(workspace, view)}
        if inference.batch_summary(workspace, view.id).get("accuracy") is not None:
            found = {"Report": lambda: _report(workspace, view), **found}
    return found


def _report(workspace: Workspace, view: JobView) -> None:
    left_out(inference.batch_summary(workspace, view.id))
    report_panel.draw(workspace, view)


def _measured(workspace: Workspace, view: JobView, split: str) -> None:
    report = models.evaluation(view, split)
    show_report(report, f"batch.{view.id}", measures(view.job.task))
    worst.draw(workspace, view, split, report)


def results(workspace: Workspace, view: JobView) -> None:
    """Summary and confusion where labels are known, then the pictures, wrong ones first."""
    summary = inference.batch_summary(workspace, view.id)
    if summary.get("accuracy") is not None and not evaluation.splits(view):  # else there is a whole report
        with session.readable("The summary"):
            show_report(summary, f"batch.{view.id}", measures(view.job.task))
    labelled = summary.get("accuracy") is not None
    left_out(summary)
    with st.container(horizontal=True, vertical_alignment="center"):
        choices = {"wrong": "Wrong", "all": "All", "failed": "Could not be read"}
        shown = [name for name in choices if labelled or name != "wrong"]
        wrong = labelled and inference.batch_results(workspace, view.id, 0, 1, "wrong").total > 0
        session.from_address("batch.show", "show", shown, "wrong" if wrong else "all")
        only = st.segmented_control("Show", shown, required=True, key="batch.show", label_visibility="collapsed",
                                    format_func=choices.__getitem__) or "all"
        session.to_address("show", only, "wrong" if wrong else "all")
        st.download_button("CSV", lambda: b"".join(inference.batch_csv(workspace, view.id)), f"{view.id}.csv",
                           "text/csv", icon=":material/download:", on_click="ignore", key="batch.csv")
        st.download_button("JSON", lambda: b"".join(inference.batch_json(workspace, view.id)), f"{view.id}.json",
                           "application/json", icon=":material/download:", on_click="ignore", key="batch.json")
    _table(workspace, view, only)


def left_out(summary: Json) -> None:
    """Which pictures are in no figure, when there are such."""
    pictures, failed, known = (int(number(summary.get(name)) or 0) for name in ("pictures", "failed", "labelled"))
    if summary.get("accuracy") is not None and known < pictures:
        st.caption(f":material/info: Of {plural(pictures, 'picture')}, {count(failed)} could not be read and "
                   f"{count(pictures - failed - known)} have no label that the model knows; the figures are of the "
                   f"other {count(known)}.")


def _table(workspace: Workspace, view: JobView, only: Any) -> None:
    key = f"batch.page.{only}"
    page = int(st.session_state.get(key, 1))
    found = inference.batch_results(workspace, view.id, (page - 1) * PAGE, PAGE, only)
    if not found.rows:
        st.caption("Nothing here.")
        return
    thumbs = thumbnails.thumbnails(workspace, view.id, found.rows)
    frame = pd.DataFrame([_row(row, thumb) for row, thumb in zip(found.rows, thumbs, strict=True)])
    st.dataframe(frame.dropna(axis="columns", how="all"), hide_index=True, row_height=64, height=min(
        38 + 64 * len(frame), 720), key=f"batch.table.{view.id}", placeholder="–", column_config={
            "picture": st.column_config.ImageColumn("", width=72), "path": st.column_config.TextColumn("Picture"),
            "truth": "Truth", "label": "Predicted", "error": st.column_config.TextColumn("Why not", width="large"),
            "note": st.column_config.TextColumn("Note", width="large"),
            "probability": st.column_config.ProgressColumn("Probability", format="percent", min_value=0, max_value=1)})
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.total > PAGE:
            st.pagination(-(-found.total // PAGE), key=key)
        st.caption(plural(found.total, "picture"), width="content")


def _row(row: Json, thumb: bytes | None) -> Json:
    best = (best_of(row) or [{}])[0]
    image = f"data:image/png;base64,{base64.b64encode(thumb).decode()}" if thumb else None
    return {"picture": image, "path": str(row.get("image") or row.get("path") or ""), "truth": row.get("truth"),
            "label": best.get("label"), "probability": number(best.get("probability")), "error": row.get("error"),
            "note": row.get("note")}

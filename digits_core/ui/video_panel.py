"""A video and what a model says about it: the form of such a job, the annotated video, lines over time, a table."""

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from digits_core import views
from digits_core.infer.options import UPLOADED_VIDEO, VideoOptions
from digits_core.infer.results import best_of
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import inference, videos
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.tasks import task
from digits_core.ui import as_code, charts, large_file, session
from digits_core.ui.forms import OptionsForm, said, show_problems, submit
from digits_core.ui.frames_panel import upload_field
from digits_core.ui.overview import bar
from digits_core.ui.text import count, number, plain, short, three_digits
from digits_core.ui.widgets import start

Json = dict[str, Any]
SHOWN = 5
HELD_BYTES = 200_000_000
"""A larger video is only for download where the page does not know its own address."""


def form(workspace: Workspace, model: str, checkpoint: str, first: Json) -> None:
    """Which video, which of its frames, how answers are drawn; it becomes a job."""
    kind = task(workspace.store.get(model).job.task)
    first = as_code.started("video", first)
    prefix = f"video.{first.get('origin', 'new')}"
    options = dict(first.get("options") or {})
    if options.get("video") == UPLOADED_VIDEO:
        options["video"] = ""
    form = OptionsForm(prefix, VideoOptions, options)
    start(f"{prefix}.name", first.get("name", ""))
    name = st.text_input("Name", key=f"{prefix}.name", max_chars=200, placeholder="The gate on Monday") or ""
    show_problems(prefix, "name", name)
    given = upload_field(prefix, many=False)
    large = "" if given else large_file.choose(workspace, f"{prefix}.large")
    if not given and not large:
        form.draw(("video",))
    form.draw(("step", "limit"), columns=2)
    own = views.own_view(kind.view)
    drawing = OptionsForm(f"{prefix}.view.{own.__name__.rpartition('.')[2]}", own.ViewOptions,
                          first.get("view_options") or options.get("view_options"))
    with st.expander("How answers are drawn", icon=":material/draw:"):
        drawing.draw(list(drawing.fields))
    with st.expander("More", icon=":material/tune:"):
        form.draw(("top", "notify"))
    show_problems(prefix, "model", model)
    as_code.panel(Asked("video", VideoOptions, {"model": model, "name": name},
                        {**form.values(), "checkpoint": checkpoint}, view_options=(own.ViewOptions, drawing.values())),
                  form, "video", first, note="The uploaded video is not in it." if given or large else "")
    said(prefix)
    if st.button("Ask about the video", type="primary", icon=":material/play_arrow:", key=f"{prefix}.create"):
        values = {**form.values(), "checkpoint": checkpoint}
        with session.shown():
            with large_file.received(workspace, given, large) as kept:
                view = submit(prefix, {**values, "name": name, "model": model}, lambda: videos.create(
                    workspace, session.user(), model, name, values, upload=kept[0] if kept else None,
                    view_options=drawing.values()))
            st.switch_page("job.py", query_params={"id": view.id})


def live(workspace: Workspace, view: JobView) -> None:
    """Progress of the job, and its key figures when it is done."""
    if not view.status.is_final:
        bar(workspace, view)
        done, left = number(view.progress.extra.get("pictures")), number(view.progress.eta_s)
        words = [f"{count(done)} frames so far" if done else "", f"{short(left)} left" if left is not None else ""]
        st.caption(" · ".join(filter(None, words)))
        if done:
            _newest(inference.batch_results(workspace, view.id, int(done) - 1, 1).rows)
        return
    summary = inference.batch_summary(workspace, view.id)
    with session.readable("The summary"):
        _figures(summary)


def _figures(summary: Json) -> None:
    if summary:
        with st.grid(4, border=True, gap="small", min_column_width=150):
            st.metric("Frames", count(summary["pictures"]))
            st.metric("Could not be read", count(summary["failed"]))
            st.metric("Length", short(number(summary["seconds"])))
            st.metric("Frames per second of the video", three_digits(number(summary["rate"]) or 0))


def _newest(rows: list[Json]) -> None:
    """What was said about the frame that was asked about last."""
    for row in rows:
        said = [f"**{plain(one['label'])}** {three_digits(number(one.get('probability')) or 0)}"
                for one in best_of(row)[:SHOWN]]
        st.markdown(f":gray[{plain(row.get('image', ''))}]  " + (" · ".join(said) or plain(row.get("error") or "–")))


def tabs(workspace: Workspace, view: JobView) -> dict[str, Callable[[], None]]:
    """Panels of such a job, by title."""
    return {"Video": lambda: _video(workspace, view)}


def _video(workspace: Workspace, view: JobView) -> None:
    if view.status is Status.DONE:
        left, right = st.columns([1.2, 1], gap="large")
        with left:
            _film(workspace, view)
        with right, session.readable("The chart"):
            _course(inference.batch_summary(workspace, view.id), f"video.course.{view.id}")
    elif view.status.is_final:
        st.caption("The annotated video is made when every frame has its answer; resume the job. The table below has "
                   "the frames so far.")
    with st.container(horizontal=True):
        if view.status is Status.DONE:
            st.link_button("Video (mp4)", session.here(f"/api/videos/{view.id}/video.mp4"), icon=":material/movie:")
        st.link_button("Frames (CSV)", session.here(f"/api/videos/{view.id}/frames.csv"), icon=":material/download:")
        st.link_button("Frames (JSON)", session.here(f"/api/inferences/{view.id}/results.json"),
                       icon=":material/download:")


def _film(workspace: Workspace, view: JobView) -> None:
    path = videos.film(workspace, view.id)
    if path.stat().st_size <= HELD_BYTES:
        st.video(str(path), muted=True)
    else:
        st.info("This video is too large to be played here; download it.", icon=":material/movie:")


def _course(summary: Json, key: str) -> None:
    """Lines of the largest figures over the seconds of the video."""
    chart = summary["chart"]
    if not chart["series"]:
        st.caption("This task has no figures to follow through a video.")
        return
    figure = go.Figure()
    for name, values in chart["series"].items():
        figure.add_scatter(x=chart["seconds"], y=values, name=name, mode="lines", line={"width": 2},
                           hovertemplate="%{y:.3g}")
    shares = all(0 <= value <= 1 for values in chart["series"].values() for value in values)
    figure.update_layout(xaxis={"title": "Seconds"}, yaxis={"title": summary.get("figure") or "", **(
        {"range": [0, 1.03], "tickformat": ".0%"} if shares else {"rangemode": "tozero"})})
    charts.draw(figure, key, 380)

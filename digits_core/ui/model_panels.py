"""A training on the screen: its curves while it runs, its checkpoints and its evaluation afterwards."""

from typing import Any

import pandas as pd
import streamlit as st

from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.services import making, models, timeline
from digits_core.services.evaluation import splits
from digits_core.services.workspace import Workspace
from digits_core.tasks import Measure, measures
from digits_core.ui import (
    charts,
    curves,
    exports_panel,
    job_parts,
    layers_panel,
    measured_map,
    publish_panel,
    report_panel,
    samples_panel,
    session,
    worst,
)
from digits_core.ui.overview import bar
from digits_core.ui.tables import height
from digits_core.ui.text import (
    count,
    duration,
    lower,
    measured,
    number,
    plain,
    short,
    size,
    three_digits,
)

Json = dict[str, Any]
EVENTS = {"rate": "speed", "epochs": "add_circle", "memory": "memory"}


def live(workspace: Workspace, view: JobView) -> None:
    """Everything that moves while the training runs."""
    if not view.status.is_final:
        bar(workspace, view)
    with session.readable("The measurements"):
        lines = curves.lines(view)
        if lines or view.status.is_live:
            _numbers(view, lines)
        if lines:
            left, right = st.columns([1.2, 1]) if making.samples(view) else (st.container(), None)
            with left:
                _charts(view, lines)
            if right:
                with right:
                    samples_panel.draw(workspace, view)
            _events(view)
        elif view.status.is_live:
            st.skeleton(height=340)
    with session.readable("The hardware history"):
        job_parts.hardware(view)


def _numbers(view: JobView, lines: dict[str, curves.Line]) -> None:
    goal, *others = measures(view.job.task)
    top, loss = curves.best(lines.get(f"val/{goal.name}")), lines.get("val/loss")
    second = next((other for other in others if f"val/{other.name}" in lines), None)
    progress = view.progress
    reached = None if view.status.is_live else number(view.folder.summary().get("epochs"))
    epochs = reached or number(progress.extra.get("epochs")) or number(view.job.options.get("epochs"))
    with st.grid(5, border=True, gap="small", min_column_width=150):
        st.metric(f"Best {lower(goal.title)}", measured(top[1], goal) if top else "–",
                  help=f"On validation, after epoch {top[0]:.4g}." if top else None)
        if view.status.is_live:
            epoch = number(progress.epoch)
            st.metric("Epoch", f"{epoch or 0:.1f} / {epochs or 0:.0f}")
            st.metric("Speed", f"{three_digits(number(progress.rate) or 0)} {plain(progress.unit)}/s")
            st.metric("Time left", short(number(progress.eta_s)))
        else:
            st.metric("Best epoch", f"{top[0]:.4g} of {epochs or 0:.4g}" if top else "–")
            tested = number(view.folder.summary().get(f"test_{goal.name}"))
            if tested is None and second:
                st.metric(second.title, measured(lines[f"val/{second.name}"].y[-1], second))
            elif tested is not None:
                st.metric(f"Test {lower(goal.title)}", measured(tested, goal),
                          help="Best checkpoint, on pictures it was not chosen by.")
            worked = curves.rows(view.folder.metrics)[-1:] if lines else []
            st.metric("Time of work", short(number(worked[0].get("t"))) if worked else "–",
                      help=f"{duration(number(worked[0].get('t')))} over all attempts." if worked else None)
        if loss:
            st.metric("Validation loss", three_digits(loss.y[-1]))


def _charts(view: JobView, lines: dict[str, curves.Line]) -> None:
    with st.container(border=True):
        figure = charts.training(lines, measures(view.job.task)[0], curves.resumed_at(view), curves.changes(view))
        charts.draw(figure, f"model.curve.{view.id}", 400)
    if rate := lines.get("lr"):
        with st.expander("Learning rate", icon=":material/show_chart:", expanded=not view.status.is_final):
            charts.draw(charts.rate(list(zip(rate.x, rate.y, strict=True)), "Epoch"), f"model.lr.{view.id}", 200)


def _tried(row: Json) -> str:
    if "images_per_s" in row:
        return f"{count(row['images_per_s'])} images/s"
    return size(number(row.get("bytes"))) if row.get("bytes") else "too much"


def _events(view: JobView) -> None:
    """What people and memory changed on the way, and why it ended before its planned end."""
    if ended := view.folder.summary().get("ended"):
        st.info(plain(ended), icon=":material/flag:")
    if found := models.found_batch_size(view):
        tried = ", ".join(f"{count(row.get('size'))}: {_tried(row)}" for row in found["tried"])
        st.caption(f":material/straighten: Batch size {count(found['batch_size'])}, found by trying ({tried}).")
    for epoch, event, note in curves.events(view)[-20:]:
        if event != "finish":
            st.caption(f":material/{EVENTS.get(event, 'info')}: Epoch {epoch:.4g}: {plain(note)}")


def tabs(workspace: Workspace, view: JobView) -> dict[str, Any]:
    """Panels below the live part, by title; only the open one is drawn."""
    found = {"Checkpoints": lambda: checkpoints(workspace, view)}
    if measured_map.splits(view):
        found = {"Map": lambda: measured_map.draw(workspace, view), **found}
    if splits(view):
        found = {"Evaluation": lambda: report(workspace, view), **found}
    elif any(models.evaluation(view, split) for split in ("val", "test")):
        found = {"Evaluation": lambda: evaluation(workspace, view), **found}
    if models.checkpoints(view):
        found["Layers"] = lambda: layers_panel.draw(workspace, view)
        found["Exports"] = lambda: exports_panel.of_model(workspace, view)
    if models.start_report(view):
        found["Start weights"] = lambda: start_weights(view)
    if timeline.operators(view):
        found["Timeline"] = lambda: trace(view)
    return found


def trace(view: JobView) -> None:
    """The slowest operators of some steps, and the file with every one of them."""
    found = timeline.operators(view)
    first, steps = int(found["first_step"]), int(found["steps"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button("Download timeline", session.here(f"/api/models/{view.id}/trace"), icon=":material/download:",
                       help="Gzipped JSON; ui.perfetto.dev and chrome://tracing show it.")
        st.caption(f"Steps {first} to {first + steps - 1}; own time of each operator over all calls.")
    frame = pd.DataFrame(found["operators"])
    frame = frame if frame["gpu_ms"].any() else frame.drop(columns="gpu_ms")
    times = {name: st.column_config.NumberColumn(title, format="%.3f ms")
             for name, title in (("cpu_ms", "CPU"), ("gpu_ms", "GPU"))}
    st.dataframe(frame, hide_index=True, height=height(len(frame), 16), key=f"model.trace.{view.id}", column_config={
        "name": st.column_config.TextColumn("Operator", width="large"),
        "calls": st.column_config.NumberColumn("Calls", format="%d"), **times})


def start_weights(view: JobView) -> None:
    """Which tensors came from the earlier model, which are new, and which of that model found no place."""
    report = models.start_report(view)
    lines = report["tensors"]
    counts = {state: sum(line["state"] == state for line in lines) for state in ("loaded", "adapted", "new", "unused")}
    st.markdown(f"From {plain(report.get('model', ''))}, epoch {plain(report.get('epoch', ''))}: "
                + ", ".join(f"**{number}** {state}" for state, number in counts.items()) + ".")
    order = {"adapted": 0, "new": 1, "unused": 2, "loaded": 3}
    frame = pd.DataFrame(sorted(lines, key=lambda line: order.get(line["state"], 3)),
                         columns=["name", "state", "size", "why"])
    st.dataframe(frame, hide_index=True, height=height(len(frame), 16), key=f"model.start.{view.id}",
                 column_config={"name": "Tensor", "state": "State", "size": "Size", "why": "Why"})


def report(workspace: Workspace, view: JobView) -> None:
    """The report on the model's own dataset, and the way to test it on another one."""
    if st.button("Test it on a dataset", icon=":material/fact_check:", key="model.test"):
        st.session_state["batch.new.method"] = "dataset"
        st.switch_page("inference.py", query_params={"model": view.id, "mode": "Many pictures"})
    report_panel.draw(workspace, view)


def checkpoints(workspace: Workspace, view: JobView) -> None:
    """Every checkpoint with its measurements; the chosen one can be tried, downloaded, or be a start."""
    rows = models.checkpoints(view)
    if not rows:
        st.caption("No checkpoint yet: the first one comes with the first snapshot." if view.job.kind is Kind.MODEL else
                   "No weights yet: they come when the import is done.")
        return
    rows, goal = rows[::-1], measures(view.job.task)[0]
    frame = pd.DataFrame([_checkpoint_row(row, goal) for row in rows])
    default = next((i for i, row in enumerate(rows) if row.get("best")), 0)
    event = st.dataframe(
        frame, hide_index=True, key=f"model.checkpoints.{view.id}", on_select="rerun",
        selection_mode="single-row-required", selection_default={"selection": {"rows": [default]}},
        height=height(len(rows), 12), placeholder="–", column_config={
            "epoch": st.column_config.NumberColumn("Epoch", format="%.4g"), "best": "Best",
            "goal": st.column_config.NumberColumn(goal.title, format="%.2f %%" if goal.share else "%.4g"),
            "loss": st.column_config.NumberColumn("Validation loss", format="%.4f"),
            "size": st.column_config.NumberColumn("Size", format="bytes"),
            "time": st.column_config.DatetimeColumn("Saved", format="distance")})
    chosen = rows[next(iter(event["selection"]["rows"]), default)] if event["selection"]["rows"] else rows[default]
    _use(workspace, view, f"{float(chosen['epoch']):g}")


def _checkpoint_row(row: Json, goal: Measure) -> Json:
    metrics = row.get("metrics") if isinstance(row.get("metrics"), dict) else {}
    reached = number(metrics.get(f"val/{goal.name}"))
    moment = number(row.get("time"))
    return {"epoch": row["epoch"], "best": "★" if row.get("best") else "",
            "goal": None if reached is None else reached * (100 if goal.share else 1),
            "loss": number(metrics.get("val/loss")),
            "size": number(row.get("bytes")),
            "time": pd.Timestamp(moment, unit="s", tz="UTC") if moment and moment < 4e9 else None}


def _use(workspace: Workspace, view: JobView, epoch: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Epoch **{epoch}**:", width="content")
        if st.button("Try on pictures", icon=":material/image_search:", key="model.try", type="primary"):
            st.switch_page("inference.py", query_params={"model": view.id, "checkpoint": epoch})
        if st.button("Train on from here", icon=":material/fork_right:", key="model.start"):
            st.switch_page("models.py", query_params={"new": view.job.task, "start": view.id, "checkpoint": epoch})
        if st.button("Download model", icon=":material/download:", key="model.download",
                     help="One archive with everything, also for other programs (ONNX), checked before you get it."):
            exports_panel.dialog(workspace, view, epoch)
        st.link_button("Weights only", session.here(f"/api/models/{view.id}/checkpoints/{epoch}"),
                       icon=":material/download:", type="tertiary", help="The safetensors file.")
        st.link_button("TensorBoard", session.here(f"/api/models/{view.id}/tensorboard"), icon=":material/download:",
                       type="tertiary", help="The measurements and settings as an event file for TensorBoard.")
        publish_panel.buttons(workspace, view, epoch)


def evaluation(workspace: Workspace, view: JobView) -> None:
    """What the best checkpoint makes of the validation and test pictures."""
    reports = {name: report for split, name in (("val", "Validation"), ("test", "Test"))
               if (report := models.evaluation(view, split))}
    if not reports:
        st.caption("The evaluation is written when the training ends.")
        return
    split = next(iter(reports))
    if len(reports) > 1:
        split = st.segmented_control("Pictures", list(reports), default=split, required=True, key="model.split",
                                     label_visibility="collapsed") or split
    show_report(reports[split], f"model.{split}", measures(view.job.task))
    worst.draw(workspace, view, {"Validation": "val", "Test": "test"}[split], reports[split])


def show_report(report: Json, key: str, figures: tuple[Measure, ...]) -> None:
    """Its figures, per class and confusion, from a training or a batch of labelled pictures."""
    with st.grid(5, border=True, gap="small", min_column_width=150):
        for measure in figures:
            st.metric(measure.title, measured(number(report.get(measure.name)), measure))
        st.metric("Pictures", count(report.get("entries") or report.get("labelled") or report.get("pictures")))
        if (loss := number(report.get("loss"))) is not None:
            st.metric("Loss", three_digits(loss))
    classes = report.get("per_class") or []
    labels = [str(row["label"]) for row in classes] or list(map(str, report.get("labels") or []))
    matrix = report.get("confusion") or []
    left, right = st.columns([1, 1] if matrix else [0.01, 1], gap="medium")
    if matrix and len(labels) <= 100:
        with left:
            st.markdown("**Confusion**")
            charts.draw(charts.confusion(matrix, labels), f"{key}.confusion", min(460, 150 + 60 * len(labels)))
    if classes:
        with right:
            st.markdown("**Per class**")
            _per_class(classes, key)


COUNTS = {"entries": "Pictures", "pixels": "Pixels", "boxes": "Boxes"}
FIGURES = {"threshold": "Threshold", "r2": "R²", "mae": "Mean error", "rmse": "RMSE",
           "same_distance": "Distance, same class", "other_distance": "Distance, other classes"}
BARS = {"recall": ("Recall", "Of what is this class, the share that was found."),
        "precision": ("Precision", "Of what was called this class, the share that is."),
        "f1": ("F1", "Recall and precision in one number."),
        "average_precision": ("AP", "How well pictures with the label are ranked before all others."),
        "iou": ("IoU", "Common area over the area of both."),
        "dice": ("Dice", "Twice the common area over the sum of both."),
        "ap50": ("AP50", "Average precision of boxes that overlap by half."),
        "ap": ("AP50:95", "Mean average precision over overlaps from 0.5 to 0.95.")}


def _per_class(classes: list[Json], key: str) -> None:
    names = [name for name in (*COUNTS, *BARS, *FIGURES) if name in classes[0]]
    frame = pd.DataFrame([{"class": str(row.get("label")), **{name: number(row.get(name)) for name in names}}
                          for row in classes])
    form = {"class": "Class", **{name: st.column_config.NumberColumn(title) for name, title in COUNTS.items()},
            **{name: st.column_config.NumberColumn(title, format="%.4g") for name, title in FIGURES.items()},
            **{name: st.column_config.ProgressColumn(title, format="percent", min_value=0, max_value=1, help=words)
               for name, (title, words) in BARS.items()}}
    st.dataframe(frame, hide_index=True, height=height(len(classes), 13), key=f"{key}.classes", placeholder="–",
                 column_config={name: form[name] for name in frame.columns})

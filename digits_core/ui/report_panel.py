"""The evaluation report on the screen: figures with their intervals, classes, confusion, calibration, pictures."""

import base64
from typing import Any

import pandas as pd
import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services import evaluation
from digits_core.services.workspace import Workspace
from digits_core.ui import charts, label_edits, report_charts, session
from digits_core.ui.tables import height
from digits_core.ui.text import count, percent, plain, plural, three_digits

Json = dict[str, Any]
PAGE = 24
NAMES = {"val": "Validation", "test": "Test", "train": "Training", "": "All"}
PARTS = ("Confusion", "Classes", "Curves", "Confidence", "Mistakes", "Suspicious labels", "Compare")


def draw(workspace: Workspace, view: JobView) -> None:
    """The report of a model (one for each split) or of a batch with known labels."""
    there = evaluation.splits(view)
    split = there[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(there) > 1:
            split = st.segmented_control("Pictures", there, default=split, required=True, key="report.split",
                                         format_func=NAMES.__getitem__, label_visibility="collapsed") or split
    if split == "train":
        st.caption(":material/info: The network learned from these pictures, so its figures are too good; they show "
                   "which labels may be wrong.")
    found = _report(workspace, view, split)
    if not found.get("metrics"):
        st.caption("No picture has a known label, so nothing can be measured.")
        return
    figures(found)
    part = st.segmented_control("Part", PARTS, default=PARTS[0], required=True, key="report.part", bind="query-params",
                                label_visibility="collapsed") or PARTS[0]
    key = f"report.{view.id}.{split}"
    with session.readable(part):
        {"Confusion": _confusion, "Classes": _classes, "Curves": _curves, "Confidence": _confidence,
         "Mistakes": _mistakes, "Suspicious labels": _suspects, "Compare": _compare}[part](
             workspace, view, split, found, key)


def _report(workspace: Workspace, view: JobView, split: str) -> Json:
    path = evaluation.kept.predictions_file(view.folder.path, split)
    return _made(view.id, split, path.stat().st_mtime_ns, workspace)


@st.cache_data(max_entries=20, show_spinner="Counting …")
def _made(job_id: str, split: str, stamp: int, _workspace: Workspace) -> Json:
    """Worked out once for each file of predictions, not at every click."""
    return evaluation.report(_workspace, job_id, split)


def figures(found: Json) -> None:
    """The key figures, each with its 95 % interval."""
    titles = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "auc": "Area under ROC",
              "top5": "Top-5 accuracy", "ece": "Calibration error", "loss": "Loss"}
    shown = [name for name in titles if name in found["metrics"] and (name != "top5" or len(found["labels"]) > 5)]
    with st.grid(len(shown) + 1, border=True, gap="small", min_column_width=140):
        for name in shown:
            figure = found["metrics"][name]
            words = three_digits if name in ("loss", "auc") else percent
            with st.container(gap="xxsmall"):
                st.metric(titles[name], words(figure["value"]), help=HELP[name])
                st.caption(f"{words(figure['low'])} – {words(figure['high'])}")
        st.metric("Pictures", count(found["entries"]))
    _baseline(found)


def _baseline(found: Json) -> None:
    """An accuracy says little without that of somebody who never looks."""
    accuracy, usual = found["metrics"]["accuracy"], found["baseline"]
    gain = usual["gain"]
    words = (f"**{percent(accuracy['value'])}** against **{percent(usual['accuracy']['value'])}** for always guessing "
             f"the most frequent class ({plain(usual['label'])}): {100 * gain['value']:+.2f} points "
             f"({100 * gain['low']:+.2f} to {100 * gain['high']:+.2f}).")
    if gain["low"] > 0:
        st.caption(words)
    else:
        st.warning(f"{words} No better than guessing, as far as these pictures can tell.", icon=":material/casino:")


HELP = {"accuracy": "Share of right answers. Below: 95 % interval (Wilson).",
        "balanced_accuracy": "Mean of the recalls of all classes, so that rare classes count as much as common ones.",
        "auc": "Chance that of one picture of each class the right one gets the higher score; 0.5 is guessing.",
        "top5": "Share of pictures whose class is among the five most probable ones.",
        "ece": "Expected calibration error: how far confidence and accuracy are apart, on average.",
        "loss": "Mean cross entropy."}


def _confusion(workspace: Workspace, view: JobView, split: str, found: Json, key: str) -> None:
    """The matrix; a click on a cell, or a row of the list, shows its pictures."""
    shown = found["confusion"]
    left, right = st.columns([1.3, 1], gap="medium")
    with left:
        if not shown["whole"]:
            st.caption(f"The {len(shown['labels'])} most confused of {len(found['labels']):,} classes.")
        figure = charts.confusion(shown["matrix"], shown["labels"])
        picked = report_charts.clicked(figure, f"{key}.confusion", 520)
    with right:
        st.markdown("**Most frequent confusions**")
        rows = found["confusions"]
        event = st.dataframe(
            pd.DataFrame(rows, columns=["truth", "predicted", "count", "share"]), hide_index=True,
            key=f"{key}.confusions", on_select="rerun", selection_mode="single-row", height=height(len(rows), 12),
            column_config={"truth": "Truth", "predicted": "Predicted", "count": "Pictures",
                           "share": st.column_config.NumberColumn("Of the class", format="percent")})
        with st.container(horizontal=True):
            truth = st.selectbox("Truth", found["labels"], index=None, key=f"{key}.truth", placeholder="any")
            predicted = st.selectbox("Predicted", found["labels"], index=None, key=f"{key}.predicted",
                                     placeholder="any")
    cell = (truth or "", predicted or "")
    if event["selection"]["rows"]:
        row = rows[event["selection"]["rows"][0]]
        cell = row["truth"], row["predicted"]
    elif picked is not None:
        cell = shown["labels"][picked[0]], shown["labels"][picked[1]]
    if any(cell):
        words = (cell[0] and f"**{plain(cell[0])}**", cell[1] and f"called **{plain(cell[1])}**")
        st.markdown(" ".join(filter(None, words)))
        _gallery(workspace, view, split, "cell", key, *cell)
    else:
        st.caption("Click a cell of the matrix, a row of the list, or choose classes to see the pictures.")


def _classes(workspace: Workspace, view: JobView, split: str, found: Json, key: str) -> None:
    frame = pd.DataFrame(found["per_class"])
    for name in ("recall", "precision", "f1"):
        frame[f"{name}_range"] = [f"{percent(low)} – {percent(high)}" for low, high in
                                  zip(frame[f"{name}_low"], frame[f"{name}_high"], strict=True)]
    bar = {name: st.column_config.ProgressColumn(title, format="percent", min_value=0, max_value=1)
           for name, title in (("recall", "Recall"), ("precision", "Precision"), ("f1", "F1"))}
    st.dataframe(frame[["label", "entries", "predicted", *(f"{name}{end}" for name in ("recall", "precision", "f1")
                                                           for end in ("", "_range"))]],
                 hide_index=True, key=f"{key}.classes", height=height(len(frame), 16),
                 column_config={"label": "Class", "entries": "Pictures", "predicted": "Predicted", **bar, **{
                     f"{name}_range": "95 % interval" for name in ("recall", "precision", "f1")}})


def _curves(workspace: Workspace, view: JobView, split: str, found: Json, key: str) -> None:
    label = st.selectbox("Class", found["labels"], key=f"{key}.curve", width=280)
    shown = evaluation.curves(workspace, view.id, split, label or "")
    if shown["auc"] is None:
        st.caption("There must be pictures of this class and of others.")
        return
    if not shown["complete"]:
        st.caption(":material/info: Only the best scores of each picture were kept; a class that is not among them "
                   "counts as 0.")
    left, right = st.columns(2, gap="medium")
    for place, name, title in ((left, "auc", "Area under ROC"), (right, "average_precision", "Average precision")):
        figure = shown[name]
        with place:
            st.markdown(f"**{title} {figure['value']:.4f}** :gray[{figure['low']:.4f} – {figure['high']:.4f}]")
            drawn = report_charts.roc(shown["roc"]) if name == "auc" else report_charts.precision_recall(
                shown["pr"], shown["positives"] / (shown["positives"] + shown["negatives"]))
            charts.draw(drawn, f"{key}.{name}", 360)


def _confidence(workspace: Workspace, view: JobView, split: str, found: Json, key: str) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Reliability**: is it right as often as it is sure?")
        charts.draw(report_charts.reliability(found["calibration"]), f"{key}.reliability", 360)
    with right:
        st.markdown("**Threshold**: if only answers this sure counted")
        charts.draw(report_charts.thresholds(found["thresholds"]), f"{key}.thresholds", 360)


def _mistakes(workspace: Workspace, view: JobView, split: str, found: Json, key: str) -> None:
    st.caption("Wrong answers, the most confident first.")
    _gallery(workspace, view, split, "mistakes", key)


def _suspects(workspace: Workspace, view: JobView, split: str, found: Json, key: str) -> None:
    names = evaluation.splits(view)
    together = len(names) > 1 and st.toggle("All splits together", True, key=f"{key}.together")
    chosen = "" if together else split
    st.caption(f"{plural(evaluation.issues(workspace, view.id, chosen), 'label')} probably wrong (confident learning); "
               "the most suspicious first.")
    _gallery(workspace, view, chosen, "suspects", key)


def _compare(workspace: Workspace, view: JobView, split: str, found: Json, key: str) -> None:
    others = evaluation.comparable(workspace, view.id, split)
    if not others:
        st.caption("There is no other evaluation of the same pictures. Train another model on this dataset, or test "
                   "one on it.")
        return
    number = st.selectbox("Is this one better than", range(len(others)), key=f"{key}.other", width=420,
                          format_func=lambda i: f"{others[i][0].name} ({others[i][0].id})")
    other, part = others[number or 0]
    answer = evaluation.compare(workspace, view.id, other.id, split, part)
    low, high = answer["difference"]["low"], answer["difference"]["high"]
    better = "better" if answer["difference"]["value"] > 0 else "worse"
    if answer["p"] < 0.05:
        st.success(f"**{better.capitalize()}.** Two equally good networks differ this much in "
                   f"{100 * answer['p']:.2g} % of tests.")
    else:
        st.info(f"**Not proven.** Two equally good networks differ this much in {100 * answer['p']:.0f} % of tests.")
    with st.grid(4, border=True, gap="small", min_column_width=150):
        st.metric("This one", percent(answer["accuracy_first"]))
        st.metric("The other", percent(answer["accuracy_second"]))
        st.metric("Difference", f"{100 * answer['difference']['value']:+.2f} %",
                  help=f"95 % interval {100 * low:+.2f} % to {100 * high:+.2f} %.")
        st.metric("Only this one right / only the other", f"{answer['only_first']} / {answer['only_second']}")
    st.caption(f"McNemar's exact test on {plural(answer['pictures'], 'picture')}: p = {answer['p']:.3g}; difference "
               f"{100 * low:+.2f} % to {100 * high:+.2f} % (95 %).")


def _gallery(workspace: Workspace, view: JobView, split: str, show: Any, key: str, truth: str = "",
             predicted: str = "") -> None:
    pager = f"{key}.page.{show}.{split}.{truth}.{predicted}"
    page = int(st.session_state.get(pager, 1))
    found = evaluation.pictures(workspace, view.id, split, show, truth, predicted, (page - 1) * PAGE, PAGE)
    data = label_edits.bar(workspace, found.rows, pager) if show in ("suspects", "mistakes") else None
    gallery(found.rows, evaluation.thumbnails(workspace, view.id, found.rows), data, pager)
    with st.container(horizontal=True, vertical_alignment="center"):
        if found.total > PAGE:
            st.pagination(-(-found.total // PAGE), key=pager)
        st.caption(plural(found.total, "picture"), width="content")


def gallery(rows: list[Json], images: list[bytes | None], data: JobView | None = None, key: str = "") -> None:
    """Pictures in a grid, with truth and prediction under each and the path behind it.

    With the dataset they lie in, each can be given another label or left out.
    """
    with st.grid(8, min_column_width=120, gap="small"):
        for row, image in zip(rows, images, strict=True):
            with st.container(gap="xxsmall"):
                path = plain(f"{row['path']} ({row['split']} {row['index']})")
                if image:
                    st.image(f"data:image/png;base64,{base64.b64encode(image).decode()}", width="stretch", alt=path)
                else:
                    st.markdown(":gray[:material/hide_image:]")
                st.caption(_caption(row), help=path)
                if data is not None:
                    label_edits.choices(data, row, key)


def _caption(row: Json) -> str:
    said = f"{plain(row['predicted'])} {percent(row['probability'])}"
    if "issue" in row:
        return f"**{plain(row['truth'])}**, probably {plain(row['suggested'])}" if row["issue"] else plain(row["truth"])
    return said if row["truth"] in (None, row["predicted"]) else f"**{plain(row['truth'])}**: {said}"

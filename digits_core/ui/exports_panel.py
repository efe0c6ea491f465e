"""Taking a model along: what shall be made, how it compares with PyTorch, and the download."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from digits_core.export.options import ExportOptions, of_job
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.modelstore.packing import KINDS
from digits_core.services import exports
from digits_core.services.as_code import Asked
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace
from digits_core.tasks import Measure
from digits_core.ui import as_code, job_parts, session
from digits_core.ui.forms import OptionsForm, said, submit
from digits_core.ui.overview import bar
from digits_core.ui.tables import height
from digits_core.ui.text import measured, number, percent, plain

Json = dict[str, Any]
ADVANCED = ("pictures", "tolerance", "fp16_agreement", "int8_agreement", "drop", "notify")


@st.dialog("Download model", icon=":material/download:", width="large")
def dialog(workspace: Workspace, view: JobView, epoch: str) -> None:
    """The whole of it, made and checked by a job; or at once what DIGITS alone needs."""
    form(workspace, view, f"export.dialog.{view.id}.{epoch}", {"checkpoint": epoch})
    st.divider()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.link_button("For DIGITS only, at once", session.here(f"/api/models/{view.id}/download?checkpoint={epoch}"),
                       icon=":material/bolt:", type="tertiary",
                       help="Weights, network, labels and preprocessing as a zip, to import elsewhere; no files "
                            "for other programs, nothing is checked.")


def form(workspace: Workspace, view: JobView, prefix: str, first: Json) -> None:
    """Formats and precision; it becomes a job."""
    st.caption("One archive with weights, labels, preprocessing, model card, ONNX and a small `predict.py` that needs "
               "no DIGITS. Each file is asked the same as PyTorch; if an answer differs, nothing is offered.")
    form = OptionsForm(prefix, ExportOptions, first)
    form.draw(("formats", "precisions"))
    if "checkpoint" not in first:
        form.draw(("checkpoint",))
    with st.expander("How it is checked", icon=":material/tune:"):
        form.draw(ADVANCED)
    with st.expander("As code", icon=":material/code:"):
        as_code.of_job(Asked("export", ExportOptions, {"model": view.id}, form.values()), f"{prefix}.code")
    said(prefix)
    if st.button("Make and check", type="primary", icon=":material/play_arrow:", key=f"{prefix}.create"):
        made = submit(prefix, form.values(), lambda: exports.create(
            workspace, session.user(), view.id, form.values()))
        st.switch_page("job.py", query_params={"id": made.id})


def of_model(workspace: Workspace, view: JobView) -> None:
    """On the model's page: another export, and those there are."""
    clone = st.query_params.get("clone", "")
    first = of_job(of_kind(workspace, clone, Kind.EXPORT).job.options).model_dump() if clone else {}
    with st.expander("New export", icon=":material/add:", expanded=bool(clone)):
        form(workspace, view, f"export.new.{view.id}.{clone}", first)
    found = exports.of_model(workspace, view.id)
    if not found:
        st.caption("Nothing was exported yet.")
    for one in found[:50]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"), session.readable("This export"):
            job_parts.link(one)
            st.caption(_contents(one), width="content")
            if one.status is Status.DONE:
                st.link_button("zip", session.here(f"/api/exports/{one.id}/archive"), icon=":material/download:",
                               type="tertiary", key=f"export.zip.{one.id}")


def _contents(view: JobView) -> str:
    options = of_job(view.job.options)
    return ", ".join(variant.title for variant in options.variants()) + f"; checkpoint {plain(options.checkpoint)}"


def live(workspace: Workspace, view: JobView) -> None:
    """Progress of an export; then its figures and the download."""
    if not view.status.is_final:
        bar(workspace, view)
        return
    with session.readable("The report"):
        found = exports.report(workspace, view.id)
        if view.status is Status.DONE:
            _download(view)
        if found:
            _figures(found)


def _download(view: JobView) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = st.segmented_control("Archive", KINDS, default="zip", required=True, key=f"export.kind.{view.id}",
                                    label_visibility="collapsed") or "zip"
        st.link_button("Download model", session.here(f"/api/exports/{view.id}/archive?format={kind}"), type="primary",
                       icon=":material/download:", help="Unpack it, then: pip install -r requirements.txt; "
                                                        "python predict.py PICTURE")
        st.page_link("job.py", label="The model", icon=":material/neurology:", width="content",
                     query_params={"id": str(view.job.options.get("model", ""))})


def _figures(found: Json) -> None:
    whole, reference = found["variants"][0], found["reference"]
    slower = number(reference["p50_ms"]) or 0
    with st.grid(4, border=True, gap="small", min_column_width=150):
        st.metric("Files that agree", f"{sum(not row['reason'] for row in found['variants'])} of "
                                      f"{len(found['variants'])}")
        st.metric("Agreement of ONNX", percent(number(whole["agreement"])),
                  help=f"Same answers as PyTorch; {plain(found['source'])}.")
        st.metric("Largest difference", _difference(whole["difference"]), help="As a share of an answer's usual range.")
        st.metric("Median time", f"{whole['p50_ms']:.3g} ms",
                  help=f"Of one answer of {plain(whole['file'])} on the CPU; PyTorch took {slower:.3g} ms.")


def _difference(value: object) -> str:
    found = number(value)
    return "–" if found is None else "0" if not found else f"{found:.1e}"


def tabs(workspace: Workspace, view: JobView) -> dict[str, Callable[[], None]]:
    """Panels of an export, by title."""
    return {"Check": lambda: _check(workspace, view)}


def _check(workspace: Workspace, view: JobView) -> None:
    found = exports.report(workspace, view.id)
    if not found:
        st.caption("Nothing was checked yet." if not view.status.is_final else "It ended before anything was checked.")
        return
    goal = Measure(**found["measure"]) if found["measure"] else None
    rows = [_row(view, row, goal) for row in found["variants"]]
    reference = found["reference"]
    rows.insert(0, {"name": "PyTorch", "file": None, "size": reference["bytes"], "agreement": None, "difference": None,
                    **({"metric": measured(reference["metric"], goal)} if goal else {}), "p50": reference["p50_ms"],
                    "p95": reference["p95_ms"], "verdict": "The model that was trained"})
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=height(len(rows), 12), placeholder="–", column_config={
        "name": "", "file": st.column_config.LinkColumn("File", display_text=r"files/(.*)$"),
        "size": st.column_config.NumberColumn("Size", format="bytes"),
        "agreement": st.column_config.NumberColumn("Agreement", format="%.2f %%"),
        "difference": "Largest difference",
        "metric": goal.title if goal else None,
        "p50": st.column_config.NumberColumn("p50", format="%.3f ms"),
        "p95": st.column_config.NumberColumn("p95", format="%.3f ms"),
        "verdict": st.column_config.TextColumn("Verdict", width="large")})
    st.caption(f"Checked with {plain(found['source'])}. One at a time, on the CPU, {found['threads']} thread(s). Input "
               f"{_port(found['input'])}; output {_port(found['output'])}.")


def _row(view: JobView, row: Json, goal: Measure | None) -> Json:
    done = view.status is Status.DONE
    return {"name": row["name"], "file": session.here(f"/api/exports/{view.id}/files/{row['file']}") if done else None,
            "size": row["bytes"], "agreement": 100 * row["agreement"],
            "difference": _difference(row["difference"]),
            **({"metric": measured(row["metric"], goal)} if goal else {}), "p50": row["p50_ms"], "p95": row["p95_ms"],
            "verdict": row["reason"] or ("Good; batches of any length" if row["batch"] == "any" else "Good")}


def _port(port: Json) -> str:
    shape = ", ".join("any" if length < 0 else str(length) for length in port["shape"])
    return f"`{plain(port['name'])}` {plain(port['dtype'])} ({shape})"

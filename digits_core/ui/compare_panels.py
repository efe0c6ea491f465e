"""The right half of the comparison: curves, the table of runs, parallel coordinates."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import streamlit as st

from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import compare
from digits_core.services.compare import Comparison, Run
from digits_core.services.measured import Series, measure
from digits_core.services.sweeps import split_name
from digits_core.services.workspace import Workspace
from digits_core.ui import bulk, compare_charts, compare_filters, tables
from digits_core.ui.compare_charts import Look

Json = dict[str, Any]
FIRST, FIRST_OF_MANY = 3, 2
"""Metrics that are drawn when nobody chose any; of many runs as many as fit above the table."""


def load(workspace: Workspace, known: Sequence[JobView] | None = None) -> Comparison:
    """What the address asks to compare; a file is read again only when it has grown."""
    return compare.compare(workspace, compare_filters.ids(), compare_filters.group(), read, known)


def read(path: Path) -> dict[str, Series]:
    """The measurements in a file that only grows."""
    try:
        facts = path.stat()
    except OSError:
        return {}
    return _read(str(path), facts.st_size, facts.st_mtime_ns)


@st.cache_resource(max_entries=3000, show_spinner=False)  # values that never change: nothing to copy
def _read(path: str, size: int, changed: int) -> dict[str, Series]:
    return measure(Path(path))


def first(comparison: Comparison) -> list[str]:
    """What is drawn when nobody chose."""
    return list(comparison.metrics[:FIRST_OF_MANY if len(comparison.runs) > compare_charts.MANY else FIRST])


def controls(comparison: Comparison) -> tuple[list[str], Look]:
    """Which metrics, and how their curves are drawn; both stand in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = [name for name in st.query_params.get("metrics", "").split(",") if name in comparison.metrics]
        if "compare.metrics" not in st.session_state:
            st.session_state["compare.metrics"] = wanted or first(comparison)
        known = [name for name in st.session_state["compare.metrics"] if name in comparison.metrics]
        st.session_state["compare.metrics"] = known
        metrics = st.multiselect("Metrics", comparison.metrics, key="compare.metrics", width="stretch",
                                 placeholder="choose what to draw")
        x = st.segmented_control("Along x", list(compare_charts.AXES), default="Epoch", required=True, key="x",
                                 bind="query-params")
        smoothing = st.slider("Smoothing", 0.0, 0.99, 0.0, 0.01, key="smooth", bind="query-params", width=160)
        log_x = st.toggle("Log x", key="logx", bind="query-params")
        log_y = st.toggle("Log y", key="logy", bind="query-params")
    default = ",".join(first(comparison))
    text = ",".join(metrics)
    if text == default:
        st.query_params.pop("metrics", None)
    elif st.query_params.get("metrics") != text:
        st.query_params["metrics"] = text
    return list(metrics), Look(x or "Epoch", smoothing, log_x, log_y)


def curves(comparison: Comparison, runs: Sequence[Run], metrics: Sequence[str], look: Look) -> None:
    """One chart a metric."""
    if not comparison.metrics:
        st.caption("Nothing was measured yet; the curves appear with the first rows.")
    elif not runs:
        st.caption("No run has all its values ticked.")
    with st.grid(2 if len(metrics) > 1 else 1, min_column_width=420, gap="small"):
        for metric in metrics if runs else ():
            figure = compare_charts.curves(runs, metric, look, list(comparison.differing))
            compare_charts.draw(figure, f"compare.chart.{metric}")


def table(comparison: Comparison, runs: Sequence[Run], metrics: Sequence[str], everything: bool) -> list[str]:
    """A row a run with its colour, settings, best and final values; returns the ids of the selected rows."""
    if not comparison.runs:
        st.caption("None of these runs is there any more; choose others at the left.")
        return []
    shown = {run.id for run in runs}
    rows = [{"dot": _dot(row["color"]), "show": "Hide" if row["id"] in shown else "Show", "state": [row["status"]],
             "name": split_name(row["name"])[0],
             **{f"{kind} {metric}": row[kind].get(metric) for metric in metrics for kind in ("best", "final")},
             **row["settings"]}
            for row in compare.table(comparison, everything)]
    key = f"compare.table.{bulk.version()}"

    def switch() -> None:
        run = comparison.runs[st.session_state[f"{key}.show"]["row"]]
        hidden = compare_filters.hidden()
        if run.id in hidden:
            hidden.discard(run.id)
        elif run.id in shown:
            hidden.add(run.id)
        else:  # a value of it is not ticked: show it by ticking all of its values
            for name, values in compare_filters.off().items():
                values[:] = [value for value in values if value != run.settings.get(name, compare.UNSET)]
        st.session_state["compare.switched"] = True

    config: Json = {"dot": st.column_config.ImageColumn("", width=30), "state": tables.COLUMNS["state"],
                    "show": st.column_config.ButtonColumn("", type="tertiary", width=60, on_click=switch,
                                                          key=f"{key}.show"),
                    "name": st.column_config.TextColumn("Name", width="medium")}
    config |= {name: st.column_config.TextColumn(title) for name, title in comparison.titles.items()
               if name not in config}
    config |= {f"{kind} {metric}": st.column_config.NumberColumn(format="%.4g") for metric in metrics
               for kind in ("best", "final")}
    event = st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=config, key=key, on_select="rerun",
                         selection_mode="multi-row", height=tables.height(len(rows), 12), placeholder=compare.UNSET)
    return [comparison.runs[i].id for i in event["selection"]["rows"] if i < len(comparison.runs)]


def _dot(color: str) -> str:
    """A picture of the colour: styled cells would cost pandas' slow styler and a longer message."""
    return "data:image/svg+xml," + quote(
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='-16 -16 32 32'><circle r='8' fill='{color}'/></svg>")


def parallel(comparison: Comparison, runs: Sequence[Run], metrics: Sequence[str]) -> None:
    """Settings beside what they led to, for the first chosen metric."""
    figure = compare_charts.parallel(comparison, runs, metrics[0]) if metrics else None
    if figure is not None:
        compare_charts.draw(figure, "compare.parallel")
    else:
        st.caption("Two runs with different settings are needed here.")


def show_all(comparison: Comparison) -> None:
    """Show or hide every run of the table at once."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Show all", icon=":material/visibility:", key="compare.show_all", type="tertiary"):
            st.session_state["compare.hidden"], st.session_state["compare.off"] = set(), {}
            st.rerun()
        if st.button("Hide all", icon=":material/visibility_off:", key="compare.hide_all", type="tertiary"):
            st.session_state["compare.hidden"] = {run.id for run in comparison.runs}
            st.rerun()


def is_live(comparison: Comparison) -> bool:
    """Whether anything can still change."""
    return any(not Status(run.status).is_final for run in comparison.runs)

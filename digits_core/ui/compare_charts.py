"""Curves of many trainings on one chart a metric, and their settings as parallel coordinates."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from digits_core.services.compare import UNSET, Comparison, Run, as_number
from digits_core.services.measured import is_better_high, smooth, thin
from digits_core.services.sweeps import split_name
from digits_core.ui import charts

Json = dict[str, Any]
MANY = 40
"""From so many curves on they are thinner, shorter, and those of one colour are drawn together."""

AXES = {"Epoch": ("epoch", "Epoch"), "Step": ("step", "Step"), "Time": ("seconds", "Seconds of work")}
POINTS_IN_ALL = 10_000
LONGEST_HOVER = 12
WIDEST = 12


class Look:
    """How curves are drawn: what goes along x, how smooth, which axes are logarithmic."""

    def __init__(self, x: str, smoothing: float, log_x: bool, log_y: bool) -> None:
        self.axis, self.x_title = AXES.get(x, AXES["Epoch"])
        self.smoothing, self.log_x, self.log_y = smoothing, log_x, log_y

    @property
    def revision(self) -> str:
        """Zoom stays until the axes become others."""
        return f"{self.axis} {self.log_x} {self.log_y}"


def curves(runs: Sequence[Run], metric: str, look: Look, differing: Sequence[str]) -> go.Figure:
    """Every run in its own colour; hovering says which run it is and with which settings."""
    drawn = [run for run in runs if metric in run.series]
    share = "accuracy" in metric or "top5" in metric
    who = "%{text}" if len(drawn) <= MANY else _about_by_numbers(differing)
    template = f"{who}<br>{look.x_title} %{{x:.4g}}: %{{y:{'.2%' if share else '.4g'}}}<extra></extra>"
    figure = go.Figure([{**trace, "type": "scatter", "hovertemplate": template}
                        for trace in _traces(drawn, metric, look, differing)])
    figure.update_layout(
        title={"text": metric, "font": {"size": 14}}, showlegend=False, hovermode="closest", height=320,
        margin={"l": 8, "r": 8, "t": 36, "b": 8}, uirevision=look.revision,
        xaxis={"title": look.x_title, "type": "log" if look.log_x else "linear"},
        yaxis={"type": "log" if look.log_y else "linear", "tickformat": ".1~%" if share else None})
    return figure


def _traces(runs: Sequence[Run], metric: str, look: Look, differing: Sequence[str]) -> list[Json]:
    """One trace a run; when they are many, runs of one colour share a trace with gaps between them.

    Those are arrays: plotly neither looks at their values one by one nor writes them out as digits.
    """
    if len(runs) <= MANY:
        return [{**_points(run, metric, look, len(runs)), "text": about(run, differing), "name": run.id,
                 "line": {"color": run.color, "width": 2}} for run in runs]
    found: dict[str, Json] = {}
    for run in runs:
        trace = found.setdefault(run.color, {"x": [], "y": [], "customdata": [], "mode": "lines", "name": run.color,
                                             "line": {"color": run.color, "width": 1}})
        points = _points(run, metric, look, len(runs))
        trace["x"] += [*points["x"], math.nan]
        trace["y"] += [*points["y"], math.nan]
        told = np.array([_told(run, differing)], object)
        trace["customdata"].append(np.repeat(told, len(points["x"]) + 1, axis=0))
    return [{**trace, "x": np.array(trace["x"], "float32"), "y": np.array(trace["y"], "float32"),
             "customdata": np.concatenate(trace["customdata"])} for trace in found.values()]


def _points(run: Run, metric: str, look: Look, curves: int) -> Json:
    series = run.series[metric]
    x, y = list(getattr(series, look.axis)), smooth(series.value, look.smoothing)
    most = max(20, POINTS_IN_ALL // max(1, curves))
    if len(x) > most:
        kept = thin(y, most)
        x, y = [x[i] for i in kept], [y[i] for i in kept]
    return {"x": x, "y": y, "mode": "lines+markers" if len(x) == 1 else "lines"}


def about(run: Run, differing: Sequence[str]) -> str:
    """Name and every setting that differs, for the box under the mouse."""
    lines = [f"<b>{_safe(split_name(run.name)[0])}</b>"]
    lines += [f"{_safe(name)}: {_safe(run.settings.get(name, UNSET))}" for name in differing[:LONGEST_HOVER]]
    return "<br>".join(lines)


def _told(run: Run, differing: Sequence[str]) -> list[str]:
    """What ``_about_by_numbers`` fills in. Every point carries it, so the words around it stand there once."""
    values = [run.settings.get(name, UNSET) for name in differing[:LONGEST_HOVER]]
    return [_safe(text) for text in (split_name(run.name)[0], *values)]


def _about_by_numbers(differing: Sequence[str]) -> str:
    return "<br>".join(["<b>%{customdata[0]}</b>", *(f"{_safe(name)}: %{{customdata[{i}]}}"
                                                     for i, name in enumerate(differing[:LONGEST_HOVER], 1))])


def _safe(text: str) -> str:
    """Words without what plotly reads as markup."""
    return charts.short_label(text, 60)


def draw(figure: go.Figure, key: str) -> None:
    """Put it on the page."""
    st.plotly_chart(figure, key=key, config=charts.BAR)


def parallel(comparison: Comparison, runs: Sequence[Run], metric: str) -> go.Figure | None:
    """One line a run through its settings to what it reached; None when there is nothing to tell apart."""
    drawn = [run for run in runs if metric in run.series]
    names = [name for name in comparison.differing if len({run.settings.get(name, UNSET) for run in drawn}) > 1]
    if len(drawn) < 2 or not names:
        return None
    reached = [run.series[metric].best for run in drawn]
    dimensions = [_dimension(comparison.titles.get(name, name), [run.settings.get(name, UNSET) for run in drawn])
                  for name in names[:WIDEST]]
    figure = go.Figure(go.Parcoords(
        dimensions=[*dimensions, {"label": f"best {metric}", "values": reached, "tickformat": ".4~g"}],
        line={"color": reached, "colorscale": "Viridis", "reversescale": not is_better_high(metric),
              "showscale": True}))
    figure.update_layout(height=340, margin={"l": 70, "r": 40, "t": 50, "b": 20}, uirevision=metric)
    return figure


def _dimension(title: str, words: list[str]) -> Json:
    """Numbers as numbers, with their own values as ticks when they are few; other words as ranks."""
    found = [as_number(word) for word in words]
    numbers = [number for number in found if number is not None]
    different = sorted(set(numbers))
    if len(numbers) == len(words) and len(different) > 8:
        return {"label": title, "values": numbers}
    order = sorted(set(words), key=lambda word: (as_number(word) is None, as_number(word) or 0.0, word))
    ticks = order if len(order) <= 20 else []
    return {"label": title, "values": [order.index(word) for word in words],
            "tickvals": list(range(len(ticks))), "ticktext": [charts.short_label(word, 18) for word in ticks]}

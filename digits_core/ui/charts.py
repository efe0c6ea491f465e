"""Plotly figures in the page's colours: curves, bars, a confusion matrix. Zoom survives live updates."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from digits_core.tasks import Measure
from digits_core.ui.curves import Line, best
from digits_core.ui.text import lower, measured

Json = dict[str, Any]
LIGHT = ("#4f46e5", "#e8710a", "#0f9d76", "#c2417c")
DARK = ("#8b87ff", "#ff9d4d", "#3ccfa0", "#f078ab")
BAR = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


def is_dark() -> bool:
    """Whether this person's browser shows the dark theme."""
    return bool(st.context.theme and st.context.theme.get("type") == "dark")


def colors() -> tuple[str, ...]:
    """Accent and companions for the theme on screen."""
    return DARK if is_dark() else LIGHT


def draw(figure: go.Figure, key: str, height: int, revision: str = "") -> None:
    """Put a figure on the page; ``revision`` keeps zoom and hidden lines while the data grows."""
    figure.update_layout(height=height, margin={"l": 8, "r": 8, "t": 28, "b": 8}, uirevision=revision or key,
                         legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, hovermode="x unified")
    st.plotly_chart(figure, key=key, config=BAR)


def training(lines: dict[str, Line], goal: Measure, marks: Sequence[float] = (),
             changes: Sequence[float] = ()) -> go.Figure:
    """Loss on the left axis, the goal on the right; training dashed, validation solid; the best epoch marked."""
    accent, second = colors()[:2]
    figure = go.Figure()
    for name, title, color, dash, axis in (
            ("train/loss", "Training loss", second, "dot", "y"), ("val/loss", "Validation loss", second, "solid", "y"),
            (f"train/{goal.name}", f"Training {lower(goal.title)}", accent, "dot", "y2"),
            (f"val/{goal.name}", f"Validation {lower(goal.title)}", accent, "solid", "y2")):
        if line := lines.get(name):
            figure.add_scatter(x=line.x, y=line.y, name=title, yaxis=axis, mode="lines+markers" if len(line.x) == 1
                               else "lines", line={"color": color, "dash": dash, "width": 2})
    others = [name for name in lines if name.startswith("train/") and name not in ("train/loss", f"train/{goal.name}")]
    for name, color in zip(others, colors()[2:], strict=False):  # of a network with several losses
        figure.add_scatter(x=lines[name].x, y=lines[name].y, mode="lines",
                           line={"color": color, "dash": "dot", "width": 2},
                           name=name.removeprefix("train/").replace("_", " ").capitalize())
    if top := best(lines.get(f"val/{goal.name}")):
        figure.add_scatter(x=[top[0]], y=[top[1]], yaxis="y2", mode="markers+text", showlegend=False,
                           marker={"color": accent, "size": 10, "symbol": "star"}, textposition="bottom center",
                           text=[measured(top[1], goal)], hovertemplate="best: epoch %{x:.4g}<extra></extra>")
    for word, epochs in (("resumed", marks), ("rate", changes)):
        for epoch in epochs:
            figure.add_vline(epoch, line={"dash": "dash", "width": 1, "color": "#8a93a3"},
                             annotation={"text": word, "font": {"size": 11}, "yshift": -26},
                             annotation_position="top left")
    figure.update_layout(
        xaxis={"title": "Epoch", "rangemode": "tozero"}, yaxis={"title": "Loss", "rangemode": "tozero"},
        yaxis2={"title": goal.title, "overlaying": "y", "side": "right", "showgrid": False,
                **({"range": [0, 1.03], "tickformat": ".0%", "tickmode": "linear", "tick0": 0, "dtick": 0.2}
                   if goal.share else {})})
    return figure


def rate(points: Sequence[tuple[float, float]], x_title: str) -> go.Figure:
    """A learning rate over training; a step is drawn as one."""
    figure = go.Figure(go.Scatter(x=[x for x, _ in points], y=[y for _, y in points], mode="lines", name="",
                                  line={"color": colors()[0], "width": 2, "shape": "hv"}, hovertemplate="%{y:.4g}"))
    figure.update_layout(xaxis={"title": x_title, "rangemode": "tozero"}, showlegend=False,
                         yaxis={"title": "Learning rate", "rangemode": "tozero", "exponentformat": "power"})
    return figure


def stacked(labels: Sequence[str], series: dict[str, Sequence[float]], counted: str = "Pictures") -> go.Figure:
    """Stacked bars: one bar a label, one colour a series."""
    figure = go.Figure([go.Bar(x=list(range(len(labels))), y=list(values), name=name, marker={"color": color},
                               customdata=list(labels), hovertemplate="%{customdata}: %{y:,}")
                        for (name, values), color in zip(series.items(), colors(), strict=False)])
    few = len(labels) <= 40
    figure.update_layout(barmode="stack", legend={"traceorder": "normal"}, bargap=0.25, yaxis={"title": counted},
                         xaxis={"tickvals": list(range(len(labels))) if few else [], "type": "linear",
                                "ticktext": [short_label(label) for label in labels] if few else []})
    return figure


def marked(rows: Sequence[tuple[str, float]], marks: Sequence[float]) -> go.Figure:
    """Lying bars from 0 to 1, each with a line at its mark; those that do not reach it are grey."""
    names = [short_label(name, 24) for name, _ in rows]
    places = list(range(len(rows)))
    full = [colors()[0] if share >= mark else "#b6bcc8" for (_, share), mark in zip(rows, marks, strict=True)]
    figure = go.Figure(go.Bar(
        x=[share for _, share in rows], y=places, orientation="h", marker={"color": full}, width=0.55,
        text=[f"{share:.1%}" for _, share in rows], textposition="outside", cliponaxis=False, customdata=list(marks),
        hovertemplate="%{x:.2%}, counts from %{customdata:.1%}<extra></extra>"))
    for place, mark in zip(places, marks, strict=True):
        figure.add_shape(type="line", x0=mark, x1=mark, y0=place - 0.42, y1=place + 0.42,
                         line={"width": 2, "color": "#6b7280"})
    figure.update_layout(showlegend=False, margin={"l": 8, "r": 36, "t": 8, "b": 24},
                         xaxis={"range": [0, 1.22], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]},
                         yaxis={"tickvals": places, "ticktext": names, "autorange": "reversed"})
    return figure


def confusion(matrix: Sequence[Sequence[float]], labels: Sequence[str]) -> go.Figure:
    """Truth down, prediction across; colour is the share of the row, so that rare classes show too."""
    shares = [[value / max(1, sum(row)) for value in row] for row in matrix]
    small = len(labels) <= 25
    names = [short_label(label) for label in labels]
    few = {"tickvals": list(range(len(labels))), "ticktext": names}
    ticks = few if len(labels) <= 60 else {"showticklabels": False}
    ground, full = ("#1c1f2b", "#625cf0") if is_dark() else ("#f5f6fa", LIGHT[0])  # white digits read on both full ones
    figure = go.Figure(go.Heatmap(
        z=shares, customdata=[list(row) for row in matrix], showscale=False, xgap=1, ygap=1, zmin=0, zmax=1,
        colorscale=[[0, ground], [1, full]], text=[[f"{v:,.0f}" if v else "" for v in row] for row in matrix],
        texttemplate="%{text}" if small else None,
        hovertemplate="truth %{y}, predicted %{x}: %{customdata:,}<extra></extra>"))
    figure.update_layout(xaxis={"title": "Predicted", "side": "bottom", **ticks},
                         yaxis={"title": "Truth", "autorange": "reversed", **ticks})
    return figure


def short_label(text: str, limit: int = 14) -> str:
    """A class name that fits under a bar; plotly reads markup, so its signs are taken out."""
    clean = text.replace("&", "+").replace("<", "‹").replace(">", "›").replace("$", "＄")
    return clean if len(clean) <= limit else f"{clean[:limit - 1]}…"

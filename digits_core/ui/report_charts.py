"""Figures of the evaluation report: curves of a class, reliability, thresholds; a matrix that can be clicked."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from digits_core.ui.charts import BAR, colors

Json = dict[str, Any]
SHARE = {"range": [0, 1.02], "tickformat": ".0%"}
GREY = {"color": "#8a93a3", "dash": "dash", "width": 1}


def clicked(figure: go.Figure, key: str, height: int) -> tuple[int, int] | None:
    """Draw a confusion matrix; gives row and column of the cell that was clicked last.

    A heat map alone does not tell plotly's selection what was clicked: invisible markers over its cells do.
    """
    matrix = figure.data[0].customdata
    size = len(matrix)
    height, names = max(height, 130 + 11 * size), 12 if size <= 30 else 9  # room for a name beside each row
    cells = [(row, column) for row in range(size) for column in range(size) if matrix[row][column] or size <= 25]
    figure.add_scatter(
        x=[column for _, column in cells], y=[row for row, _ in cells], mode="markers", customdata=cells,
        marker={"symbol": "square", "size": max(3, int(0.8 * height / max(1, size))), "opacity": 0},
        unselected={"marker": {"opacity": 0}}, selected={"marker": {"opacity": 0.25, "color": "#e8710a"}},
        showlegend=False, hovertemplate="truth %{y}, predicted %{x}: %{text}<extra></extra>",
        text=[f"{matrix[row][column]:,}" for row, column in cells])
    figure.data[0].update(hoverinfo="skip", hovertemplate=None)
    figure.update_layout(height=height, hovermode="closest", margin={"l": 8, "r": 8, "t": 28, "b": 8}, uirevision=key,
                         clickmode="event+select", xaxis_range=[-0.5, size - 0.5],
                         yaxis_range=[size - 0.5, -0.5], yaxis_autorange=False)
    figure.for_each_xaxis(lambda axis: axis.tickfont.update(size=names))
    figure.for_each_yaxis(lambda axis: axis.tickfont.update(size=names))
    event = st.plotly_chart(figure, key=key, config=BAR, on_select="rerun", selection_mode="points")
    points = event["selection"]["points"] if event else []
    cell = points[0].get("customdata") if points else None
    return (int(cell[0]), int(cell[1])) if cell else None


def roc(curve: Json) -> go.Figure:
    """True against false positives."""
    figure = _line(curve["false_positive_rate"], curve["true_positive_rate"], curve["threshold"], "False positives",
                   "True positives")
    return figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=GREY, showlegend=False, hoverinfo="skip")


def precision_recall(curve: Json, share: float) -> go.Figure:
    """Precision over recall, and F1 over recall; the dashed line is what guessing reaches."""
    figure = _line(curve["recall"], curve["precision"], curve["threshold"], "Recall", "Precision")
    figure.add_scatter(x=curve["recall"], y=curve["f1"], mode="lines", name="F1",
                       line={"color": colors()[2], "width": 1, "dash": "dot"})
    return figure.add_scatter(x=[0, 1], y=[share, share], mode="lines", line=GREY, showlegend=False, hoverinfo="skip")


def _line(x: list[float], y: list[float], thresholds: list[float], across: str, up: str) -> go.Figure:
    figure = go.Figure(go.Scatter(x=x, y=y, customdata=thresholds, mode="lines" if len(x) > 1 else "markers", name=up,
                                  line={"color": colors()[0], "width": 2},
                                  hovertemplate="%{y:.1%} from probability %{customdata:.3f} on"))
    figure.update_layout(xaxis={"title": across, **SHARE}, yaxis={"title": up, **SHARE})
    return figure


def histogram(counts: Json) -> go.Figure:
    """The distribution of a layer's values in 20 bins."""
    low, _, high = counts["ticks"]
    step = (high - low) / len(counts["counts"])
    figure = go.Figure(go.Scatter(
        x=[low + (i + 0.5) * step for i in range(len(counts["counts"]))], y=counts["counts"], mode="lines",
        fill="tozeroy", line={"color": colors()[0], "width": 1, "shape": "spline"}, name="",
        hovertemplate="%{y:,} values around %{x:.3g}"))
    room = 0.1 * (high - low)  # for the words at both ends
    figure.update_layout(xaxis={"tickvals": counts["ticks"], "tickformat": ".3g", "range": [low - room, high + room]},
                         yaxis={"visible": False},
                         showlegend=False)
    return figure


def reliability(bins: list[Json]) -> go.Figure:
    """Accuracy over confidence with intervals; below the diagonal it is too sure."""
    rows = [row for row in bins if row["entries"]]
    accuracy = [row["accuracy"] for row in rows]
    figure = go.Figure(go.Bar(
        x=[(row["from"] + row["to"]) / 2 for row in rows], y=accuracy, width=[0.9 / len(bins)] * len(rows),
        marker={"color": colors()[0], "opacity": 0.75}, customdata=[row["entries"] for row in rows], name="Accuracy",
        error_y={"type": "data", "symmetric": False, "array": [row["high"] - row["accuracy"] for row in rows],
                 "arrayminus": [row["accuracy"] - row["low"] for row in rows], "color": "#8a93a3"},
        hovertemplate="%{y:.1%} right of %{customdata:,}"))
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=GREY, showlegend=False, hoverinfo="skip")
    figure.update_layout(xaxis={"title": "Confidence", **SHARE}, yaxis={"title": "Right", **SHARE}, showlegend=False)
    return figure


def thresholds(rows: list[Json]) -> go.Figure:
    """Accuracy of the answers that are at least so sure, how many those are, and how many right ones are left."""
    figure = go.Figure()
    for name, title, color in zip(("accuracy", "kept", "recall"), ("Accuracy", "Answers left", "Right answers left"),
                                  colors(), strict=False):
        figure.add_scatter(x=[row["threshold"] for row in rows], y=[row[name] for row in rows], mode="lines",
                           name=title, line={"color": color, "width": 2}, hovertemplate="%{y:.1%}")
    figure.update_layout(xaxis={"title": "Confidence of at least", **SHARE}, yaxis=SHARE)
    return figure

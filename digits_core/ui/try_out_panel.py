"""The part of the model form that tries the training out: time, memory, disk, a learning rate, and its layers."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from digits_core.errors import DigitsError, InvalidOptions
from digits_core.jobs.model import Status
from digits_core.services import networks, rehearsal
from digits_core.services.workspace import Workspace
from digits_core.ui import charts, network_graph, session
from digits_core.ui.forms import OptionsForm, keep_problems
from digits_core.ui.tables import height
from digits_core.ui.text import count, plain, short, size
from digits_core.ui.widgets import shown

Json = dict[str, Any]
WANTS = {"time": ("How long will it take?", ":material/timer:"),
         "rate": ("Find a learning rate", ":material/query_stats:"),
         "layers": ("Draw the network", ":material/account_tree:")}


def draw(workspace: Workspace, form: OptionsForm, dataset: str) -> None:
    """Buttons, and what they found; a hint when the form has changed since."""
    if not dataset or workspace.store.get(dataset).status is not Status.DONE:
        return
    key = f"{form.prefix}.try_out"
    with st.expander("Try it out first", icon=":material/speed:", expanded=key in st.session_state):
        with st.container(horizontal=True, vertical_alignment="center"):
            for want, (words, icon) in WANTS.items():
                if st.button(words, icon=icon, key=f"{key}.{want}"):
                    _try(workspace, form, dataset, want, key)
            st.caption("A few real steps on this machine, some seconds to a minute; nothing is saved.")
        found = st.session_state.get(key)
        if found and "layers" in found:
            _layers(found)
        elif found:
            _found(form, found, key)


def _layers(found: Json) -> None:
    rows = found["layers"]
    st.markdown(f"**{count(found['parameters'])} parameters**, {found['flops'] / 1e6:,.4g} million operations for a "
                f"picture of {' × '.join(map(str, found['input_shape']))}")
    graph, table = st.tabs(["Graph", "Table"])
    with graph.container(height=620):
        st.graphviz_chart(network_graph.dot(rows, found["input_shape"]))
    with table:
        _table(rows)
    rest = found["parameters"] - sum(row["parameters"] for row in rows)
    if rest:
        st.caption(f"{count(rest)} parameters are used in training only (auxiliary heads).")


def _table(rows: list[Json]) -> None:
    shown_rows = [{**{name: row[name] for name in ("name", "type", "parameters", "flops")},
                   "shape": " × ".join(map(str, row["shape"]))} for row in rows]
    st.dataframe(shown_rows, hide_index=True, height=height(len(rows), 16), column_order=[
        "name", "type", "shape", "parameters", "flops"], column_config={
            "name": "Layer", "type": "Type", "shape": "Output",
            "parameters": st.column_config.NumberColumn("Parameters", format="localized"),
            "flops": st.column_config.NumberColumn("Operations", format="localized", help="For one picture, forward; a "
                                                   "multiplication with its addition counts as two.")})


def _try(workspace: Workspace, form: OptionsForm, dataset: str, want: str, key: str) -> None:
    options = form.values()
    st.session_state.pop(key, None)
    try:
        with st.spinner("Trying it out …", show_time=True):
            found = (networks.layers(workspace, session.user(), dataset, options) if want == "layers" else
                     rehearsal.rehearse(workspace, session.user(), dataset, options, want == "rate"))
    except InvalidOptions as error:
        keep_problems(form.prefix, options, error)
        st.rerun()
    except DigitsError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.session_state[key] = {"options": options, "dataset": dataset, **found}


def _found(form: OptionsForm, found: Json, key: str) -> None:
    if _without_rate(found["options"]) != _without_rate(form.values()):
        st.caption(":material/info: The form has changed since; try again for new figures.")
    with st.grid(5, border=True, gap="small", min_column_width=150):
        st.metric("An epoch", short(found["seconds_per_epoch"]), help=f"{count(found['images_per_s'])} images/s, "
                  f"{count(found['steps_per_epoch'])} steps, validation included.")
        st.metric("All epochs", short(found["seconds"]), help=f"Reading the pictures: {short(found['reading_s'])}.")
        st.metric("Memory of the GPU" if found["gpu_memory"] else "Memory", size(found["gpu_memory"] or
                                                                                found["memory"]))
        st.metric("Disk", size(found["disk"]), help="Checkpoints that are kept, and the state to resume from.")
        st.metric("Batch size", count(found["batch_size"]), help=found["device"] + (
            ", found by trying." if found["options"].get("auto_batch") else ""))
    if "curve" not in found:
        return
    if found["curve"]:
        charts.draw(_curve(found["curve"], found["suggested"]), f"{key}.curve", 260)
    if not found["suggested"]:
        st.warning("The loss never fell: look at the data, or choose another network.", icon=":material/warning:")
        return
    name = "learning_rate"

    def take() -> None:
        st.session_state[form.key(name)] = shown(form.fields[name], found["suggested"])

    st.button(f"Use {found['suggested']:g}", type="primary", icon=":material/check:", key=f"{key}.use", on_click=take,
              disabled=form.value(name) == found["suggested"],
              help="Where the loss falls fastest while the rate rises (Smith's range test).")


def _without_rate(options: Json) -> Json:
    return {name: value for name, value in options.items() if name != "learning_rate"}


def _curve(points: list[list[float]], suggested: float | None) -> go.Figure:
    figure = go.Figure(go.Scatter(x=[lr for lr, _ in points], y=[loss for _, loss in points], mode="lines", name="",
                                  line={"color": charts.colors()[0], "width": 2},
                                  hovertemplate="rate %{x:.3g}: loss %{y:.4g}"))
    if suggested:
        figure.add_vline(suggested, line={"dash": "dot", "color": charts.colors()[1]})
    low = min(loss for _, loss in points)
    figure.update_layout(
        showlegend=False, yaxis={"title": "Loss", "range": [0, max(2 * points[0][1], low * 1.1)]},
        xaxis={"title": "Learning rate", "type": "log", "exponentformat": "power", "dtick": 1})
    return figure

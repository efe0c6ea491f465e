"""An answer as a view shows it: which view, its options, pictures, tables."""

import io
from typing import Any

import pandas as pd
import streamlit as st

from digits_core import views
from digits_core.services import inference
from digits_core.services.workspace import Workspace
from digits_core.ui import charts, session
from digits_core.ui.forms import OptionsForm
from digits_core.ui.tables import height
from digits_core.ui.text import percent, plain

Json = dict[str, Any]


def draw(workspace: Workspace, model: str, picture: bytes, shown: bytes, answer: Json) -> None:
    """Pictures at the left, everything else and the view's own options at the right."""
    left, right = st.columns([1.4, 1], gap="large")
    known = inference.model_views(workspace, model)
    with right:
        name = st.selectbox("Show as", list(known), key="inference.view", format_func=lambda name: views.title(
            name, known[name])) or next(iter(known))
        form = OptionsForm(f"view.{name}", known[name].ViewOptions)
        form.draw(list(form.fields), columns=2)
    with session.readable("The picture"):
        found = inference.panels(workspace, model, (str(answer.get("image", "")), picture), answer, form.values(), name)
        if not any(isinstance(panel, views.Picture) for panel in found):
            left.image(shown, width="stretch", alt=str(answer.get("image", "")))
        for number, panel in enumerate(found):
            with left if isinstance(panel, views.Picture) else right:
                show(panel, f"view.{name}.{number}")


def show(panel: views.Panel, key: str) -> None:
    """One panel as a widget."""
    match panel:
        case views.Picture(png, caption):
            st.image(io.BytesIO(png), caption=plain(caption) or None, width="stretch")
        case views.Table(columns, rows):
            st.dataframe(pd.DataFrame(rows, columns=list(columns)), hide_index=True, key=key,
                         height=height(len(rows), 12))
        case views.Bars(rows, marks=marks) if marks:
            charts.draw(charts.marked(rows, marks), key, 60 + 30 * len(rows))
            st.caption("A line at each bar marks the probability from which on the label counts.")
        case views.Bars(rows):
            for name, share in rows:
                st.progress(min(1.0, max(0.0, share)), text=f"{plain(name)}  :gray[{percent(share)}]")
        case views.Text(text):
            st.code(text, language=None, wrap_lines=True)

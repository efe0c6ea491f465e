"""A job that makes pictures for units, on the screen: they appear one by one."""

from typing import Any

import streamlit as st

from digits_core.infer.maxima import file_name
from digits_core.jobs.store import JobView
from digits_core.services import maxima
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.overview import bar
from digits_core.ui.text import number, percent, plain, plural, short, three_digits

Json = dict[str, Any]
PAGE = 48
WIDTH = 140


def live(workspace: Workspace, view: JobView) -> None:
    """Progress, and the pictures so far."""
    if not view.status.is_final:
        bar(workspace, view)
        if (left := number(view.progress.eta_s)) is not None:
            st.caption(f"{short(left)} left")
    with session.readable("The pictures"):
        _pictures(workspace, view)


def _pictures(workspace: Workspace, view: JobView) -> None:
    key = f"maxima.page.{view.id}"
    page = int(st.session_state.get(key, 1))
    found = maxima.made(workspace, view.id, (page - 1) * PAGE, PAGE)
    layer = str(view.job.options.get("layer", ""))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("job.py", label="The model", icon=":material/neurology:",
                     query_params={"id": str(view.job.options.get("model", ""))})
        if found.total:
            st.link_button("Download all", session.here(f"/api/inferences/{view.id}/max-activations.zip"),
                           icon=":material/download:", key="maxima.zip")
        st.caption(f"Layer {plain(layer)}, {plural(found.total, 'unit')} finished", width="content",
                   help="Below each picture: the unit's activation on the mean picture → on this one, and what the "
                        "network calls it.")
    with st.grid(6, gap="small", min_column_width=WIDTH):
        for row in found.rows:
            with st.container(gap="xxsmall"):
                _unit(workspace, view, layer, row)
    if found.total > PAGE:
        st.pagination(-(-found.total // PAGE), key=key)


def _unit(workspace: Workspace, view: JobView, layer: str, row: Json) -> None:
    unit = row["unit"]
    title = f"{plain(row['label'])} (unit {unit})" if row.get("label") else f"Unit {unit}"
    st.image(maxima.picture(workspace, view.id, unit, WIDTH), width="stretch", alt=f"{layer}, {title}")
    file = session.here(f"/api/inferences/{view.id}/max-activations/{unit}")
    st.markdown(f"**{title}** [:material/download:]({file} \"{file_name(layer, unit)}\")")
    st.caption(f"Activation {three_digits(number(row.get('before')) or 0)} → "
               f"{three_digits(number(row.get('activation')) or 0)}  \n"
               f"Recognised as {plain(row.get('predicted', ''))}, {percent(row.get('probability'))}")

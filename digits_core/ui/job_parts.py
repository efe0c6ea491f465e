"""Panels that every job has: hardware, log, configuration, related jobs, notes."""

import json
from typing import Any

import pandas as pd
import streamlit as st

from digits_core.errors import DigitsError
from digits_core.jobs.store import JobView
from digits_core.options import option_fields
from digits_core.services import jobs, made_of
from digits_core.services.workspace import Workspace
from digits_core.ui import as_code, badges, curves, session
from digits_core.ui.tables import height
from digits_core.ui.text import number, plain, size

Json = dict[str, Any]


def hardware(view: JobView) -> None:
    """What the job used: processor and memory of its process, and each of its GPUs, with their history."""
    samples = curves.hardware(view)
    if not samples:
        return
    with st.grid(4, gap="small", min_column_width=180, border=True):
        if cpu := curves.series(samples, "cpu"):
            st.metric("CPU", f"{cpu[-1]:.0f} %", chart_data=cpu, delta_color="off", help="100 % is one processor.")
        if memory := curves.series(samples, "memory"):
            st.metric("Memory", size(memory[-1]), chart_data=memory, delta_color="off")
        cards = samples[-1].get("gpus")
        for card in cards if isinstance(cards, list) else []:
            _gpu(card, samples)


def _gpu(card: Json, samples: list[Json]) -> None:
    history = [value for row in samples for gpu in row.get("gpus") or [] if gpu.get("uuid") == card.get("uuid")
               and (value := number(gpu.get("utilisation"))) is not None]
    used, total, heat = (number(card.get(name)) for name in ("memory", "total", "temperature"))
    facts = f"{size(used)} of {size(total)}" + (f" · {heat:.0f} °C" if heat is not None else "")
    st.metric(f"GPU {plain(card.get('index', ''))} · {plain(card.get('name', ''))}",
              f"{history[-1]:.0f} %" if history else "–", chart_data=history or None, delta=facts, delta_color="off",
              delta_arrow="off")


def log(workspace: Workspace, view: JobView) -> None:
    """The end of the newest attempt's log, and all of it as a file."""
    text = jobs.log_tail(workspace, view.id, 40_000)
    st.link_button("Download", session.here(f"/api/jobs/{view.id}/log?size=20000000"), icon=":material/download:")
    st.code("\n".join(text.splitlines()[-300:]) or "Nothing was printed yet.", language=None, height=420)


def configuration(view: JobView) -> None:
    """Every option with its title, as the form shows it; and as the JSON that programs use."""
    asked, options = made_of.asked(view), view.job.options
    if isinstance(options.get("files"), dict):
        options = options["files"]
    fields = {field.name: field for field in option_fields(asked.cls)} if asked else {}
    rows = [{"option": fields[name].title if name in fields else name,
             "value": _words(fields.get(name), value), "name": name} for name, value in options.items()]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=height(len(rows), 40),
                 column_config={"option": "Option", "value": st.column_config.TextColumn("Value", width="large"),
                                "name": st.column_config.TextColumn("Name in programs")})
    if source := str(view.job.options.get("network_source") or ""):
        with st.expander("Source of its network", icon=":material/code:"):
            st.code(source, language="python", line_numbers=True)
    st.markdown("**:material/code: As code**")
    if asked is not None:
        as_code.of_job(asked, f"job.code.{view.id}")
    else:
        st.code(json.dumps(view.job.options, indent=1, ensure_ascii=False), language="json")


def _words(field: Any, value: object) -> str:
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and "\n" in value:
        return f"{len(value.splitlines())} lines, below"
    return str(field.labels.get(str(value), value) if field else value)


def related(workspace: Workspace, view: JobView) -> None:
    """What this job needs, what needs it, and other jobs on the same dataset."""
    views = workspace.store.jobs()
    dataset = view.job.options.get("dataset")
    groups = {"Made from": [other for other in views if other.id in view.job.needs],
              "Used by": [other for other in views if view.id in other.job.needs],
              "On the same dataset": [other for other in views if dataset and other.id != view.id
                                      and other.job.options.get("dataset") == dataset]}
    for title, members in groups.items():
        if members:
            st.markdown(f"**{title}**")
        for other in members[:50]:
            link(other)
    missing = [need for need in view.job.needs if not any(other.id == need for other in views)]
    for need in missing:
        st.caption(f"{plain(need)} was deleted.")
    if not missing and not any(groups.values()):
        st.caption("Nothing is related to this job.")


def link(view: JobView) -> None:
    """One job in a line: its state and a link to it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        badges.state(view)
        st.page_link("job.py", label=plain(view.name), icon=badges.kind_icon(view), query_params={"id": view.id})


def notes(workspace: Workspace, view: JobView) -> None:
    """Free text about the job, kept with it."""
    old = view.notes.get("notes")
    text = st.text_area("Notes", old if isinstance(old, str) else "", height=140, key=f"job.notes.{view.id}",
                        placeholder="What was tried here, and what came out of it?", label_visibility="collapsed")
    if st.button("Save notes", icon=":material/check:", key="job.notes.save"):
        try:
            jobs.edit(workspace, session.user(), view.id, notes=text or "")
            st.toast("Saved.", icon=":material/check:")
        except DigitsError as error:
            st.error(plain(error))

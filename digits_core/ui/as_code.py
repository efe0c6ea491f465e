"""A form, or a job, as code: the command line, the JSON and the curl line to copy; and JSON that fills the form."""

import json
from typing import Any

import streamlit as st

from digits_core.errors import InvalidOptions, Problem
from digits_core.services import as_code, pasted
from digits_core.services.as_code import Asked
from digits_core.ui import session
from digits_core.ui.forms import OptionsForm, keep_problems
from digits_core.ui.text import plain

Json = dict[str, Any]
PASTE = "Paste JSON"


def started(family: str, first: Json) -> Json:
    """What a form starts with: the JSON that was pasted into it, else ``first`` (with ``origin``)."""
    found = st.session_state.get(f"pasted.{family}", {})
    return found if found.get("for") == first.get("origin", "new") else first


def panel(asked: Asked, form: OptionsForm, family: str, first: Json, sweeps: bool = False, note: str = "") -> None:
    """Folded away under a form: what it asks for as code, live, and a place to paste such JSON.

    ``family`` and ``first`` are those of ``started``; ``note`` says what the code cannot hold (uploads).
    """
    key = f"{form.prefix}.code"
    with st.expander("As code", icon=":material/code:"):
        chosen = st.segmented_control("As", ["Command line", "JSON", "curl", PASTE], default="Command line",
                                      required=True, key=f"{key}.as", label_visibility="collapsed")
        if chosen == PASTE:
            _paste(asked, form, family, first, sweeps)
            return
        show(asked, str(chosen), key)
        if note:
            st.caption(note)


def of_job(asked: Asked, key: str) -> None:
    """What a job was made of, as code."""
    chosen = st.segmented_control("As", ["Command line", "JSON", "curl"], default="Command line", required=True,
                                  key=f"{key}.as", label_visibility="collapsed")
    show(asked, str(chosen), key)


def show(asked: Asked, chosen: str, key: str) -> None:
    """One of the three, with a button that copies it."""
    whole = st.toggle("All options", key=f"{key}.whole", help="Also those that are at their defaults.")
    space, user = session.workspace(), session.user()
    if chosen == "JSON":
        st.code(json.dumps(as_code.body(asked, whole), indent=1, ensure_ascii=False), language="json", wrap_lines=True)
        st.caption(f"POST {session.here(as_code.route(asked))}")
    elif chosen == "curl":
        st.code(as_code.curl(asked, session.address(), user, whole), language="bash", wrap_lines=True)
    else:
        st.code(as_code.command_line(asked, user, space.settings.jobs_dir, whole), language="bash", wrap_lines=True)


def _paste(asked: Asked, form: OptionsForm, family: str, first: Json, sweeps: bool) -> None:
    key = f"{form.prefix}.paste"
    st.text_area("JSON", key=key, height=200, label_visibility="collapsed", persist_state="session",
                 placeholder='{"name": "...", "options": {...}}')
    st.caption("The JSON of a REST call, of a job's page, or a job.json. What it does not name takes its default.")
    if messages := st.session_state.pop(f"{key}.said", []):
        st.error("  \n".join(map(plain, messages)), icon=":material/error:")
    st.button("Fill in the form", icon=":material/input:", key=f"{key}.go", on_click=_take,
              args=(asked, form, family, first, sweeps))


def _take(asked: Asked, form: OptionsForm, family: str, first: Json, sweeps: bool) -> None:
    """Let the form begin anew with what was pasted; with a problem it stays as it is."""
    key = f"{form.prefix}.paste"
    try:
        found = pasted.read(str(st.session_state.get(key) or ""), form.cls, sweeps)
        _require_here(asked, found.beside)
    except InvalidOptions as error:
        keep_problems(form.prefix, {**asked.head, **form.values()}, error)
        st.session_state[f"{key}.said"] = st.session_state.pop(f"{form.prefix}.said")
        return
    origin = str(first.get("for", first.get("origin", "new")))
    number = st.session_state["pasted.number"] = st.session_state.get("pasted.number", 0) + 1
    named = {name: found.beside.get(name, asked.head.get(name, "")) for name in ("name", "group", "dataset")}
    st.session_state[f"pasted.{family}"] = {**found.beside, **named, "for": origin, "origin": f"{origin}.{number}",
                                            "options": found.options, "several": found.several}
    for name, value in (("model", found.beside.get("model")), ("checkpoint", found.options.get("checkpoint"))):
        if value and asked.head.get("model"):
            st.session_state[f"inference.{name}"] = value


def _require_here(asked: Asked, beside: Json) -> None:
    """Raise InvalidOptions for another task than the form's, and for jobs that are not on this server."""
    problems = [Problem(name, f"There is no job {beside[name][:40]!r} here.") for name in ("dataset", "model")
                if beside.get(name) and beside[name] not in session.workspace().store.ids()]
    wanted = asked.head.get("task")
    if wanted and beside.get("task", wanted) != wanted:
        problems.append(Problem("task", f"This is the form for {wanted}; the JSON is for {beside['task'][:40]}."))
    if problems:
        raise InvalidOptions(problems)

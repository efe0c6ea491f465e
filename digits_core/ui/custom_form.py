"""A network of one's own: an editor for its source, and where to start from."""

import re
from typing import Any

import streamlit as st
from streamlit_ace import st_ace

from digits_core.errors import DigitsError, NotAllowed
from digits_core.jobs.model import Kind
from digits_core.networks import NETWORKS
from digits_core.networks.custom import CUSTOM, LONGEST
from digits_core.services import networks
from digits_core.services.workspace import Workspace
from digits_core.ui import charts, session
from digits_core.ui.forms import OptionsForm, problems_at, show_problems
from digits_core.ui.text import plain

Json = dict[str, Any]
TEXT = "network_source"
LINE = re.compile(r"^line (\d+)")


def draw(workspace: Workspace, form: OptionsForm) -> None:
    """What stands beside the editor: what to start from, and the values that the source is given."""
    try:
        networks.require_custom(workspace)
    except NotAllowed as error:
        st.warning(plain(error), icon=":material/lock:")
        return
    form.drawn["network"] = CUSTOM
    st.caption("`build_network(params)` returns a PyTorch module. It runs in the training's own process, never in this "
               "page.")
    models = {view.id: view.name for view in workspace.store.jobs(Kind.MODEL) if networks.is_custom(view)}
    names = {**{name: spec.title for name, spec in NETWORKS.items() if networks.has_source(name)}, **models}
    chosen = st.selectbox("Start from", list(names), format_func=names.__getitem__, key=form.key("network_start"),
                          persist_state="session", help="A standard network, or the custom network of a model.")
    st.button("Put its source into the editor", icon=":material/edit_note:", key=form.key("network_start.take"),
              on_click=customize, args=(form, str(chosen)), width="stretch", disabled=chosen is None)
    _files(workspace, form)
    form.draw(("network_values",), columns=1)


def _files(workspace: Workspace, form: OptionsForm) -> None:
    with st.expander("Take a file", icon=":material/upload_file:", expanded=bool(form.value("network_file"))):
        file = st.file_uploader("From this computer (.py)", "py", key=form.key("network_upload"), max_upload_size=1)
        st.button("Use this file", disabled=file is None, key=form.key("network_upload.take"), on_click=put,
                  args=(form, file.getvalue()[:4 * LONGEST].decode(errors="replace") if file else ""))
        form.draw(("network_file",), columns=1)
        st.button("Load it", disabled=not form.value("network_file"), key=form.key("network_file.take"),
                  on_click=_load, args=(workspace, form))
        form.drawn["network_file"] = ""  # what counts is the text in the editor


def _load(workspace: Workspace, form: OptionsForm) -> None:
    try:
        put(form, networks.read_file(workspace, st.session_state[form.key("network_file")]))
    except DigitsError as error:
        st.session_state[f"{form.prefix}.said"] = [str(error)]


def customize(form: OptionsForm, name: str) -> None:
    """Go to the editor with the source of this network in it."""
    st.session_state[form.key("network.method")] = CUSTOM
    try:
        put(form, networks.source(session.workspace(), name))
    except DigitsError as error:
        st.session_state[f"{form.prefix}.said"] = [str(error)]


def put(form: OptionsForm, text: str) -> None:
    """Replace what is in the editor."""
    key = form.key(TEXT)
    st.session_state[f"{key}.text"] = text
    st.session_state[f"{key}.version"] = st.session_state.get(f"{key}.version", 0) + 1


def editor(form: OptionsForm) -> None:
    """The source, with the lines marked that the last attempt found wrong."""
    if form.value("network") != CUSTOM:
        return
    key = form.key(TEXT)
    if f"{key}.text" not in st.session_state:
        put(form, form.initial[TEXT] or networks.source(session.workspace(), "lenet"))
    before = st.session_state[f"{key}.text"]
    marks = [{"row": int(found[1]) - 1, "column": 0, "type": "error", "text": message}
             for message in problems_at(form.prefix, TEXT, before) if (found := LINE.match(message))]
    with st.container(border=True):
        st.markdown("**:material/code: Your network**")
        text = st_ace(before, language="python", theme="tomorrow_night" if charts.is_dark() else "chrome",
                      min_lines=16, max_lines=40, font_size=13, auto_update=True, annotations=marks,
                      key=f"{key}.editor.{st.session_state[f'{key}.version']}")
        form.drawn[TEXT] = st.session_state[f"{key}.text"] = text or ""
        show_problems(form.prefix, TEXT, form.drawn[TEXT])

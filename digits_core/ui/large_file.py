"""Files too large for a form: sent by the browser in pieces, or from a shell, and those that have come."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import streamlit as st

from digits_core.errors import DigitsError
from digits_core.services import resumable, uploads
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.text import plain, size

HERE = Path(__file__).parent
HTML = """
<button class="choose" type="button">Choose a large file</button><input class="file" type="file" hidden
 aria-label="Large file">
<div class="now" hidden><span class="name"></span><progress class="bar" max="1" aria-label="Sent"></progress>
<div class="line"><span class="about" role="status"></span><button class="pause" type="button">Pause</button>
<button class="resume" type="button">Resume</button><button class="cancel" type="button">Cancel</button></div></div>
<ul class="begun"></ul>
"""
SENDER = st.components.v2.component("digits_uploader", html=HTML, css=(HERE / "uploader.css").read_text(),
                                    js=(HERE / "uploader.js").read_text())


def choose(workspace: Workspace, key: str) -> str:
    """What stands for the file that the person chose, ``upload:ID``; empty: none."""
    with st.expander("Large file", icon=":material/drive_folder_upload:"):
        if not (user := session.user()):
            st.caption("Choose your name (at the top), then large files can be sent in pieces.")
            return ""
        st.caption("Sent in pieces, straight to this server's disk. It goes on where it was after a break of the "
                   "connection or of the server; after a reload of this page, choose the same file again.")
        try:
            found = resumable.of_user(workspace, user)
        except DigitsError as error:
            st.warning(plain(str(error)))
            return ""
        begun = [{"id": one.id, "name": one.name, "offset": one.offset, "length": one.length}
                 for one in found if not one.is_finished]
        about = {"user": user, "key": key, "begun": begun, "address": session.here("/api/uploads")}
        told = SENDER(key=f"{key}.sender", data=about, on_done_change=lambda: None, on_changed_change=lambda: None)
        chosen = _finished(found, key, f"{resumable.PREFIX}{told.done}" if told.done else "")
        st.caption("Or from a shell, where the file is:")
        st.code(f"python -m digits_core upload FILE --server {session.address()} --user {user}", language="bash",
                wrap_lines=True)
        return chosen


def _finished(found: list[resumable.Upload], key: str, fresh: str) -> str:
    """One of those that have come; ``fresh`` came just now from this form."""
    done = {f"{resumable.PREFIX}{one.id}": f"{one.name or one.id} · {size(one.length)}"
            for one in found if one.is_finished}
    if fresh in done:
        st.session_state[key] = fresh
    if not done:
        return ""
    return st.selectbox("Finished upload", ["", *done], key=key,
                        format_func=lambda one: done.get(one, "None: use the field above")) or ""


def name(workspace: Workspace, large: str) -> str:
    """What its sender calls a finished upload."""
    return resumable.find(workspace, session.user(), large.removeprefix(resumable.PREFIX)).name


@contextmanager
def received(workspace: Workspace, given: list[Any], large: str = "") -> Iterator[list[tuple[str, Path]]]:
    """Names and files of uploads for a job to take; what it leaves is removed at the end of the block.

    ``large`` is an ``upload:ID`` beside them; that stays when the block fails. Raises DigitsError.
    """
    with ExitStack() as stack:
        kept = []
        for file in given:
            path = uploads.receive(workspace, file, file.name)
            stack.callback(uploads.discard, path)
            kept.append((file.name, path))
        if large:
            one = stack.enter_context(resumable.taken(workspace, session.user(), large))
            kept.append((one.name or "upload", one.data))
        yield kept

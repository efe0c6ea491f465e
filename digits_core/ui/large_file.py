"""Files too large for the browser: the shell's line that brings one here, and those that have come."""

import streamlit as st

from digits_core.errors import DigitsError
from digits_core.services import resumable
from digits_core.services.workspace import Workspace
from digits_core.ui import session
from digits_core.ui.text import plain, size


def choose(workspace: Workspace, key: str) -> str:
    """What stands for the file that the person chose, ``upload:ID``; empty: none."""
    with st.expander("Large file (more than a few GB)", icon=":material/drive_folder_upload:"):
        st.caption("A browser holds the whole file in memory. From a shell it goes straight to this server's disk, and "
                   "goes on where it was when the connection breaks:")
        user = session.user()
        st.code(f"python -m digits_core upload FILE --server {session.address()} --user {user or 'NAME'}",
                language="bash", wrap_lines=True)
        try:
            found = resumable.of_user(workspace, user) if user else []
        except DigitsError as error:
            st.warning(plain(str(error)))
            return ""
        for one in found:
            if not one.is_finished:
                st.progress(one.offset / one.length, text=f"{plain(one.name or one.id)} · {size(one.offset)} of "
                                                          f"{size(one.length)}")
        done = {f"{resumable.PREFIX}{one.id}": one for one in found if one.is_finished}
        if not done:
            st.caption("No finished upload of yours waits here." if user else "Choose your name to see your uploads.")
            return ""
        words = {reference: f"{one.name or one.id} · {size(one.length)}" for reference, one in done.items()}
        return st.selectbox("Finished upload", ["", *done], key=key,
                            format_func=lambda reference: words.get(reference, "None: use the field above")) or ""

"""The head of every page: its title, what can be done here, and who is looking."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import digits_core
from digits_core.errors import InvalidOptions
from digits_core.services.access import check_user_name
from digits_core.ui import session
from digits_core.ui.text import plain


def head(title: str, note: str = "") -> DeltaGenerator:
    """Title at the left, at the right the person; returns the place for the page's own buttons between them."""
    row = st.container(horizontal=True, horizontal_alignment="distribute", key="head",
                       vertical_alignment="center" if note else "bottom")
    words = row.container(width="stretch", gap=None)
    words.title(title, anchor=False)
    if note:
        words.caption(note)
    tools = row.container(horizontal=True, width="content", vertical_alignment="center")
    actions = tools.container(horizontal=True, width="content", vertical_alignment="center")
    with tools:
        who()
    return actions


def who() -> None:
    """Who I am: a name is enough (no password), kept in the browser."""
    name = session.user()
    session.keep_name()
    with st.popover(name or "Choose a name", icon=":material/person:", type="tertiary" if name else "primary",
                    key=f"who.popover.{name}"):  # another name, another element: it is closed again
        st.caption("Jobs belong to a name. There is no password: everybody here sees everything, "
                   "and changes only what is their own.")
        with st.form("who.form", border=False):
            text = st.text_input("Your name", name, key="who.text", placeholder="fred",
                                 help="Small letters, digits, '.', '-' and '_'; a letter first.")
            chosen = st.form_submit_button("Use this name", type="primary")
        if chosen:
            _choose(text or "")
        if name and st.button("Log out", key="who.out", icon=":material/logout:", type="tertiary"):
            session.set_name("")
            st.rerun()
        st.link_button("REST API", session.here("/api/docs"), icon=":material/api:", type="tertiary")
        st.caption(f"{plain(session.workspace().settings.server_name)} · DIGITS {digits_core.__version__}")


def _choose(name: str) -> None:
    try:
        session.set_name(check_user_name(name.strip()))
    except InvalidOptions as error:
        st.error(plain(error.problems[0].message))
        return
    st.rerun()


def empty(icon: str, title: str, text: str) -> DeltaGenerator:
    """What a page shows when there is nothing yet; returns the place for the button that starts it."""
    box = st.container(border=True, horizontal_alignment="center", gap="xsmall")
    box.space("small")
    box.markdown(f"# :primary[:material/{icon}:]", width="content")
    box.subheader(title, anchor=False, text_alignment="center")
    box.markdown(f":gray[{text}]", width=560, text_alignment="center")
    place = box.container(horizontal=True, width="content")
    box.space("small")
    return place

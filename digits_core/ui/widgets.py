"""One widget for one option, and the way between an option's value and what its widget holds."""

import re
from collections.abc import Callable
from typing import Any

import streamlit as st

from digits_core.errors import DigitsError
from digits_core.options import OptionField
from digits_core.safe import complete_path, is_url
from digits_core.safe.places import is_s3
from digits_core.ui import session
from digits_core.ui.text import number

Json = dict[str, Any]
WIDE = ("folder", "path", "text")
SIDE_BY_SIDE = 5
"""Choices that are all shown; more are a list."""
SUGGESTIONS = 8


def start(key: str, value: Any) -> None:
    """Give a widget its first value; whatever the person made of it stays."""
    st.session_state.setdefault(key, value)


def is_wide(field: OptionField) -> bool:
    """Whether it wants a line of its own."""
    return field.kind in WIDE or (bool(field.choices) and len(field.choices) <= SIDE_BY_SIDE
                                  and sum(len(field.labels.get(c, c)) for c in field.choices) > 24)


def shown(field: OptionField, value: Any) -> Any:
    """An option's value as its widget wants it; anything that does not fit becomes the default."""
    if field.many:
        values = value if isinstance(value, list) else field.default
        if field.choices:
            return [v for v in values if v in field.choices]
        return ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in values)
    if field.choices:
        return value if value in field.choices else field.default
    if field.type is bool:
        return bool(value)
    if field.type in (int, float):
        return _limited(field, number(value))
    return value if isinstance(value, str) else ""


def _limited(field: OptionField, value: float | None) -> float | None:
    if value is None:
        return None if field.optional else field.default
    low, high = field.ge, field.le
    value = max(value, low) if low is not None else value
    value = min(value, high) if high is not None else value
    return int(value) if field.type is int else float(value)


def read(field: OptionField, shown: Any) -> Any:
    """A widget's value as the option wants it; words that are no numbers stay, so that the check can say so."""
    if field.many and field.choices:
        return [choice for choice in field.choices if choice in (shown or ())]
    if field.many:
        parts = [part.strip() for part in str(shown or "").replace(";", ",").split(",") if part.strip()]
        return [_number_or_word(field, part) for part in parts]
    return shown.strip() if isinstance(shown, str) else shown


def _number_or_word(field: OptionField, part: str) -> Any:
    try:
        return field.type(part)
    except ValueError:
        return part


def widget(field: OptionField, key: str, label: bool) -> Any:
    """Draw it; returns what the widget holds."""
    common: Json = {"key": key, "help": field.help or None, "persist_state": "session",
                    "label_visibility": "visible" if label else "collapsed"}
    if field.many and field.choices:
        return st.pills(field.title, field.choices, selection_mode="multi",
                        format_func=lambda value: field.labels.get(value, value), **common)
    if field.many:
        words = "numbers" if field.type in (int, float) else "words"
        return st.text_input(field.title, placeholder=f"{words} with commas between", **common)
    if field.choices:
        return _choice(field, common)
    if field.type is bool:
        return st.toggle(field.title, **common)
    if field.type in (int, float):
        return _number(field, common)
    if field.kind in ("folder", "path"):
        return path_input(field.title, key, field.help, files=field.kind == "path")
    if field.kind == "text":
        return st.text_area(field.title, **common)
    return st.text_input(field.title, type="password" if field.kind == "secret" else "default", **common)


def _choice(field: OptionField, common: Json) -> Any:
    words: Callable[[str], str] = lambda value: field.labels.get(value, value)
    if len(field.choices) <= SIDE_BY_SIDE:
        return st.segmented_control(field.title, field.choices, format_func=words, required=True, **common)
    return st.selectbox(field.title, field.choices, format_func=words, **common)


def _number(field: OptionField, common: Json) -> Any:
    kind = field.type
    limits = {"min_value": None if field.ge is None else kind(field.ge),
              "max_value": None if field.le is None else kind(field.le)}
    look = {"step": 1} if kind is int else {"step": _step(field), "format": "%g"}
    if field.optional:
        look |= {"value": None, "placeholder": _when_empty(field)}
    return st.number_input(field.title, **limits, **look, **common)


def _when_empty(field: OptionField) -> str:
    """What an empty field means, from its help ("empty: no crop")."""
    found = re.search(r"[Ee]mpty: ([^.;,]+)", field.help)
    return found.group(1) if found else "not set"


def _step(field: OptionField) -> float:
    base = field.default if isinstance(field.default, float) and field.default else 1.0
    return 1.0 if base >= 5 else 0.5 if base >= 1 else base / 10 if base < 0.5 else 0.05


def path_input(title: str, key: str, help: str = "", files: bool = False) -> str:
    """A server path that completes while it is typed: a click on a suggestion takes it."""
    text = st.text_input(title, key=key, help=help or None, live="300ms", persist_state="session",
                         placeholder="/data/pictures", icon=":material/folder_open:") or ""

    def take() -> None:
        if picked := st.session_state.get(f"{key}.pick"):
            st.session_state[key] = picked
            st.session_state[f"{key}.pick"] = None

    try:
        wanted = text.strip() and not is_url(text) and not is_s3(text)
        found = complete_path(text, session.workspace().settings.data_roots, SUGGESTIONS, files) if wanted else []
    except DigitsError:
        found = []  # the check says what is wrong with it, at the field
    found = [path for path in found if path.rstrip("/") != text.strip().rstrip("/")]
    if found:
        st.pills("Continue with", found, key=f"{key}.pick", on_change=take, label_visibility="collapsed",
                 format_func=lambda path: path.rstrip("/").rpartition("/")[2] + ("/" if path.endswith("/") else ""))
    return text

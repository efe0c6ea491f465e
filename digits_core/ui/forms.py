"""Forms from options: one widget for each option, its problems under it, folded away when it is advanced."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import streamlit as st
from pydantic import ValidationError

from digits_core.errors import DigitsError, InvalidOptions
from digits_core.options import OptionField, Options, option_fields
from digits_core.safe import complete_path
from digits_core.ui import session
from digits_core.ui.text import number, plain

Json = dict[str, Any]
WIDE = ("folder", "path", "text")
SUGGESTIONS = 8


class OptionsForm:
    """The widgets of one Options class. ``prefix`` keeps several forms apart; ``initial`` are values to start with."""

    def __init__(self, prefix: str, cls: type[Options], initial: Json | None = None) -> None:
        self.prefix, self.cls = prefix, cls
        self.fields = {field.name: field for field in option_fields(cls)}
        self.initial = {name: field.default for name, field in self.fields.items()}
        self.initial.update(_sane(cls, {name: value for name, value in (initial or {}).items() if name in self.fields}))
        self.drawn: Json = {}

    def checked(self, names: Iterable[str]) -> Options:
        """Options with these values only, the others at their defaults, without looking at the world outside.

        Raises InvalidOptions or pydantic's ValueError when they make no sense (yet).
        """
        return self.cls.model_validate({name: self.value(name) for name in names})

    def key(self, name: str) -> str:
        """Session key of an option's widget."""
        return f"{self.prefix}.{name}"

    def values(self) -> Json:
        """What the form says now; options that are not on screen keep what they started with."""
        return {**self.initial, **self.drawn}

    def value(self, name: str) -> Any:
        """One value as it stands, also before its widget was drawn in this run."""
        if name in self.drawn:
            return self.drawn[name]
        key = self.key(name)
        return _read(self.fields[name], st.session_state[key]) if key in st.session_state else self.initial[name]

    def section(self, group: str, skip: Iterable[str] = (), columns: int = 3) -> None:
        """All options of a group: plain ones at once, advanced ones folded."""
        members = [field for field in self.fields.values() if field.group == group and field.name not in skip]
        self.draw([field.name for field in members if not field.advanced], columns)
        folded = [field.name for field in members if field.advanced and self._matters(field)]
        if folded:
            with st.expander("Advanced", icon=":material/tune:", key=f"{self.prefix}.advanced.{group}"):
                self.draw(folded, columns)

    def draw(self, names: Sequence[str], columns: int = 3) -> None:
        """These options in this order; small ones share a line."""
        fields = [self.fields[name] for name in names if self._matters(self.fields[name])]
        while fields:
            if _is_wide(fields[0]):
                self.field(fields.pop(0).name)
                continue
            with st.grid(columns, gap="small", min_column_width=150):
                while fields and not _is_wide(fields[0]):
                    with st.container(gap="xxsmall"):
                        self.field(fields.pop(0).name)

    def _matters(self, field: OptionField) -> bool:
        return field.matters({name: self.value(name) for name in field.when})

    def field(self, name: str, label: bool = True) -> Any:
        """One option with its problems; returns its value. ``label``: its title stands above it."""
        field, key = self.fields[name], self.key(name)
        start(key, _shown(field, self.initial[name]))
        value = self.drawn[name] = _read(field, _widget(field, key, label))
        show_problems(self.prefix, name, value)
        return value


def _sane(cls: type[Options], values: Json) -> Json:
    """The values that fit their options; those of a damaged job may hold anything."""
    try:
        return cls.model_validate(values).model_dump(mode="json", include=set(values))
    except ValidationError as error:
        bad = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
        return _sane(cls, {name: value for name, value in values.items() if name not in bad}) if bad else {}


def start(key: str, value: Any) -> None:
    """Give a widget its first value; whatever the person made of it stays."""
    st.session_state.setdefault(key, value)


def _is_wide(field: OptionField) -> bool:
    return field.kind in WIDE or (bool(field.choices) and len(field.choices) <= 4
                                  and sum(len(field.labels.get(c, c)) for c in field.choices) > 24)


def _shown(field: OptionField, value: Any) -> Any:
    """An option's value as its widget wants it; anything that does not fit becomes the default."""
    if field.many:
        values = value if isinstance(value, list) else field.default
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


def _read(field: OptionField, shown: Any) -> Any:
    """A widget's value as the option wants it; words that are no numbers stay, so that the check can say so."""
    if field.many:
        parts = [part.strip() for part in str(shown or "").replace(";", ",").split(",") if part.strip()]
        return [_number_or_word(field, part) for part in parts]
    return shown.strip() if isinstance(shown, str) else shown


def _number_or_word(field: OptionField, part: str) -> Any:
    try:
        return field.type(part)
    except ValueError:
        return part


def _widget(field: OptionField, key: str, label: bool) -> Any:
    common: Json = {"key": key, "help": field.help or None, "persist_state": "session",
                    "label_visibility": "visible" if label else "collapsed"}
    if field.many:
        return st.text_input(field.title, placeholder="numbers with commas between", **common)
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
    if len(field.choices) <= 4:
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
    """What its help says an empty field means: "empty: no crop." """
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
        found = complete_path(text, session.workspace().settings.data_roots, SUGGESTIONS, files) if text.strip() else []
    except DigitsError:
        found = []  # the check says what is wrong with it, at the field
    found = [path for path in found if path.rstrip("/") != text.strip().rstrip("/")]
    if found:
        st.pills("Continue with", found, key=f"{key}.pick", on_change=take, label_visibility="collapsed",
                 format_func=lambda path: path.rstrip("/").rpartition("/")[2] + ("/" if path.endswith("/") else ""))
    return text


def show_problems(prefix: str, name: str, value: Any = None) -> None:
    """What the last attempt to submit found wrong with this field, until its value changes."""
    for message, seen in st.session_state.get(f"{prefix}.problems", {}).get(name, []):
        if seen == repr(value):
            st.markdown(f":red[:material/error: {plain(message)}]")


def submit(prefix: str, values: Json, action: Callable[[], Any]) -> Any:
    """Do the action; when options are wrong keep the problems for their fields and say how many there are."""
    try:
        result = action()
    except InvalidOptions as error:
        problems: dict[str, list[tuple[str, str]]] = {}
        for problem in error.problems:
            problems.setdefault(problem.field, []).append((problem.message, repr(values.get(problem.field))))
        st.session_state[f"{prefix}.problems"] = problems
        st.session_state[f"{prefix}.said"] = [
            f"{title}: {problem.message}" if (title := problem.field.replace("_", " ")) else problem.message
            for problem in error.problems]
        st.rerun()
    except DigitsError as error:
        st.session_state[f"{prefix}.said"] = [str(error)]
        st.rerun()
    st.session_state.pop(f"{prefix}.problems", None)
    return result


def said(prefix: str) -> None:
    """All problems of the last attempt together, beside the button; gone after the next change."""
    if messages := st.session_state.pop(f"{prefix}.said", []):
        st.error("  \n".join(plain(message) for message in messages), icon=":material/error:")

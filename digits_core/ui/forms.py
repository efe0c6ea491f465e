"""Forms from options: one widget for each option, its problems under it, folded away when it is advanced."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitAPIException

from digits_core.errors import DigitsError, InvalidOptions
from digits_core.options import OptionField, Options, fitting, option_fields
from digits_core.ui.text import plain
from digits_core.ui.widgets import is_wide, read, shown, start, widget

Json = dict[str, Any]


class OptionsForm:
    """The widgets of one Options class. ``prefix`` keeps several forms apart; ``initial`` are values to start with."""

    def __init__(self, prefix: str, cls: type[Options], initial: Json | None = None) -> None:
        self.prefix, self.cls = prefix, cls
        self.fields = {field.name: field for field in option_fields(cls)}
        self.initial = {name: field.default for name, field in self.fields.items()}
        given = {name: value for name, value in (initial or {}).items() if name in self.fields}
        self.initial.update(fitting(cls, given))
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
        return read(self.fields[name], st.session_state[key]) if key in st.session_state else self.initial[name]

    def draw(self, names: Sequence[str], columns: int = 3) -> None:
        """These options in this order; small ones share a line."""
        fields = [self.fields[name] for name in names if name in self.fields and self._matters(self.fields[name])]
        while fields:
            if is_wide(fields[0]) or len(fields) == 1:
                self.field(fields.pop(0).name)
                continue
            with st.grid(columns, gap="small", min_column_width=150):
                while fields and not is_wide(fields[0]):
                    with st.container(gap="xxsmall"):
                        self.field(fields.pop(0).name)

    def only(self, name: str, choices: Sequence[str]) -> None:
        """Offer these choices of an option and no others."""
        self.fields[name] = replace(self.fields[name], choices=tuple(choices))
        if self.value(name) not in choices:
            self.initial[name] = choices[0]
            st.session_state.pop(self.key(name), None)

    def _matters(self, field: OptionField) -> bool:
        return field.matters({name: self.value(name) for name in field.when})

    def field(self, name: str, label: bool = True) -> Any:
        """One option with its problems; returns its value. ``label``: its title stands above it."""
        field, key = self.fields[name], self.key(name)
        start(key, shown(field, self.initial[name]))
        value = self.drawn[name] = read(field, widget(field, key, label))
        show_problems(self.prefix, name, value)
        return value


def show_problems(prefix: str, name: str, value: Any = None) -> None:
    """What the last attempt to submit found wrong with this field, until its value changes."""
    for message in problems_at(prefix, name, value):
        st.markdown(f":red[:material/error: {plain(message)}]")


def problems_at(prefix: str, name: str, value: Any) -> list[str]:
    """What is wrong with this field as long as it holds ``value``."""
    found = st.session_state.get(f"{prefix}.problems", {}).get(name, [])
    return [message for message, seen in found if seen == repr(value)]


def keep_problems(prefix: str, values: Json, error: InvalidOptions) -> None:
    """Remember what is wrong with these values, for their fields and for ``said``."""
    problems: dict[str, list[tuple[str, str]]] = {}
    for problem in error.problems:
        problems.setdefault(problem.field, []).append((problem.message, repr(values.get(problem.field))))
    st.session_state[f"{prefix}.problems"] = problems
    st.session_state[f"{prefix}.said"] = [
        f"{title}: {problem.message}" if (title := problem.field.replace("_", " ")) else problem.message
        for problem in error.problems]


def name_and_group(prefix: str, first: Json, example: str) -> tuple[str, str]:
    """The two fields that every new job has."""
    left, right = st.columns([2, 1])
    with left:
        start(f"{prefix}.name", first.get("name", ""))
        name = st.text_input("Name", key=f"{prefix}.name", max_chars=200, placeholder=example,
                             persist_state="session") or ""
        show_problems(prefix, "name", name)
    start(f"{prefix}.group", first.get("group", ""))
    group = right.text_input("Group", key=f"{prefix}.group", max_chars=100, placeholder="optional",
                             persist_state="session") or ""
    return name, group


def submit(prefix: str, values: Json, action: Callable[[], Any]) -> Any:
    """Do the action; when options are wrong keep the problems for their fields and say how many there are."""
    try:
        result = action()
    except InvalidOptions as error:
        keep_problems(prefix, values, error)
        show_again()
    except DigitsError as error:
        st.session_state[f"{prefix}.said"] = [str(error)]
        show_again()
    st.session_state.pop(f"{prefix}.problems", None)
    return result


def show_again() -> None:
    """Run what holds the form again: of a dialog the dialog only, which would close otherwise; else the page."""
    with suppress(StreamlitAPIException):  # we are in no dialog
        st.rerun(scope="fragment")
    st.rerun()


def said(prefix: str) -> None:
    """All problems of the last attempt together, beside the button; gone after the next change."""
    if messages := st.session_state.pop(f"{prefix}.said", []):
        st.error("  \n".join(plain(message) for message in messages), icon=":material/error:")

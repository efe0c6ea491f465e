"""Several values for an option: one training for each combination, counted before anything starts."""

from typing import Any

import streamlit as st

from digits_core.errors import InvalidOptions
from digits_core.options import OptionField
from digits_core.services import sweeps
from digits_core.ui.forms import OptionsForm, show_problems
from digits_core.ui.text import plain

Json = dict[str, Any]


def draw(form: OptionsForm) -> tuple[Json, int]:
    """Choose options and give each its values; returns those lists and the number of random draws (0: all of them)."""
    able = {field.name: field for field in form.fields.values() if field.sweeps}
    order = [*(name for name in sweeps.USUAL if name in able), *(name for name in able if name not in sweeps.USUAL)]
    key = f"{form.prefix}.sweep"
    with st.expander("Try several values (sweep)", icon=":material/dynamic_feed:"):
        st.caption("Each value is tried with each value of the others: one training a combination, all in one group. "
                   "Random search draws values instead; there two numbers are the ends of a range.")
        chosen = st.multiselect("Options", order, key=key, format_func=lambda name: able[name].title,
                                placeholder="learning rate, batch size, network …", persist_state="session")
        found = {}
        with st.grid(2, gap="small", min_column_width=220):
            for name in chosen:
                with st.container(gap="xxsmall"):
                    found[name] = _values(form, able[name])
        found = {name: values for name, values in found.items() if values}
        draws = _draws(form) if found else 0
        if found:
            _say(found, draws)
    return found, draws


def _draws(form: OptionsForm) -> int:
    key = f"{form.prefix}.sweep.draws"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if not st.toggle("Random search", key=f"{key}.on", persist_state="session"):
            return 0
        draws = int(st.number_input("Trainings", 1, sweeps.MOST, 10, key=key, width=160, persist_state="session"))
    show_problems(form.prefix, "draws", draws)
    return draws


def _values(form: OptionsForm, field: OptionField) -> list[Any]:
    key = f"{form.prefix}.sweep.{field.name}"
    values: list[Any]
    if field.choices:
        values = st.multiselect(field.title, field.choices, key=key, persist_state="session",
                                format_func=lambda value: field.labels.get(value, value))
    elif field.type is bool:
        values = [True, False]
        st.caption(f"{field.title}: yes and no")
    else:
        text = st.text_input(field.title, key=key, placeholder="0.1, 0.01" if field.type is float else "8, 16",
                             persist_state="session") or ""
        values = [_number(field, part.strip()) for part in text.replace(";", ",").split(",") if part.strip()]
    show_problems(form.prefix, field.name, values)
    return values


def _number(field: OptionField, part: str) -> Any:
    try:
        return field.type(part)
    except ValueError:
        return part  # the check says what is wrong with it


def _say(found: Json, draws: int) -> None:
    if draws:
        st.markdown(f":material/casino: **{draws} trainings** with random values")
        return
    try:
        number = len(sweeps.combinations(found))
    except InvalidOptions as error:
        st.error(plain(error.problems[0].message), icon=":material/error:")
        return
    sizes = " × ".join(str(len(values)) for values in found.values())
    st.markdown(f":material/dynamic_feed: **{number} trainings** ({sizes})")

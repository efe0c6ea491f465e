"""Several values for an option: one training for each combination, counted before anything starts."""

from typing import Any

import streamlit as st

from digits_core.errors import InvalidOptions
from digits_core.options import OptionField
from digits_core.services import sweeps
from digits_core.ui.forms import OptionsForm, show_problems
from digits_core.ui.text import plain

Json = dict[str, Any]


def draw(form: OptionsForm) -> Json:
    """Choose options and give each its values; returns those lists, and says how many trainings they make."""
    able = {field.name: field for field in form.fields.values() if field.sweeps}
    order = [*(name for name in sweeps.USUAL if name in able), *(name for name in able if name not in sweeps.USUAL)]
    key = f"{form.prefix}.sweep"
    with st.expander("Try several values (sweep)", icon=":material/dynamic_feed:"):
        st.caption("Each value is tried with each value of the others: one training a combination, all in one group.")
        chosen = st.multiselect("Options", order, key=key, format_func=lambda name: able[name].title,
                                placeholder="learning rate, batch size, network …", persist_state="session")
        found = {}
        with st.grid(2, gap="small", min_column_width=220):
            for name in chosen:
                with st.container(gap="xxsmall"):
                    found[name] = _values(form, able[name])
        found = {name: values for name, values in found.items() if values}
        if found:
            _say(found)
    return found


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


def _say(found: Json) -> None:
    try:
        number = len(sweeps.combinations(found))
    except InvalidOptions as error:
        st.error(plain(error.problems[0].message), icon=":material/error:")
        return
    sizes = " × ".join(str(len(values)) for values in found.values())
    st.markdown(f":material/dynamic_feed: **{number} trainings** ({sizes})")

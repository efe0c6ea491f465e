"""Several values for an option: every combination, some at random, or a search; counted before anything starts."""

from typing import Any, NamedTuple

import streamlit as st

from digits_core.errors import InvalidOptions
from digits_core.options import OptionField
from digits_core.search import chooser, space
from digits_core.search.options import SearchOptions
from digits_core.ui.forms import OptionsForm, show_problems
from digits_core.ui.text import plain
from digits_core.ui.widgets import start

Json = dict[str, Any]
ALL, RANDOM, SEARCH = "Every combination", "At random", "Search"


class Sweep(NamedTuple):
    """What was chosen: values by option, how many random draws (0: all of them), and the options of a search."""

    values: Json
    draws: int = 0
    search: Json | None = None
    trainings: int = 1


def draw(form: OptionsForm, first: Json) -> Sweep:
    """Choose options, give each its values, and say how they are tried.

    ``first`` may say what it starts with: ``several`` (values by option), ``draws``, ``search``.
    """
    _start(form, first)
    able = {field.name: field for field in form.fields.values() if field.sweeps}
    order = [*(name for name in space.USUAL if name in able), *(name for name in able if name not in space.USUAL)]
    key = f"{form.prefix}.sweep"
    with st.expander("Try several values (sweep, search)", icon=":material/dynamic_feed:"):
        st.caption("One training for each combination of values, all in one group; or some of them at random; or a "
                   "search that learns from each training which values to try next. `8, 16` are two values, "
                   "`0.0001..0.1` is a range.")
        chosen = st.multiselect("Options", order, key=key, format_func=lambda name: able[name].title,
                                placeholder="learning rate, batch size, network …", persist_state="session")
        found = {}
        with st.grid(2, gap="small", min_column_width=220):
            for name in chosen:
                with st.container(gap="xxsmall"):
                    found[name] = _values(form, able[name])
        found = {name: values for name, values in found.items() if values}
        return _tried(form, found, first) if found else Sweep({})


def _start(form: OptionsForm, first: Json) -> None:
    """Give the widgets their first values."""
    several: Json = {name: values for name, values in (first.get("several") or {}).items() if name in form.fields}
    start(f"{form.prefix}.sweep", list(several))
    start(f"{form.prefix}.sweep.how", SEARCH if first.get("search") else RANDOM if first.get("draws") else ALL)
    start(f"{form.prefix}.sweep.draws", max(1, min(space.MOST, int(first.get("draws") or 10))))
    for name, values in several.items():
        listed = ", ".join(map(str, values)) if isinstance(values, list) else str(values)
        if form.fields[name].type is not bool:
            start(f"{form.prefix}.sweep.{name}", values if form.fields[name].choices else listed)


def _tried(form: OptionsForm, found: Json, first: Json) -> Sweep:
    key = f"{form.prefix}.sweep.how"
    how = st.segmented_control("How", [ALL, RANDOM, SEARCH], required=True, key=key, label_visibility="collapsed")
    sweep = Sweep(found)
    if how == RANDOM:
        draws = int(st.number_input("Trainings", 1, space.MOST, key=f"{form.prefix}.sweep.draws", width=160,
                                    persist_state="session"))
        show_problems(form.prefix, "draws", draws)
        sweep = Sweep(found, draws)
    elif how == SEARCH:
        own = OptionsForm(f"{form.prefix}.search", SearchOptions, first.get("search"))
        own.draw([name for name, field in own.fields.items() if not field.advanced], columns=4)
        with st.expander("More about the search", icon=":material/settings:"):
            own.draw([name for name, field in own.fields.items() if field.advanced], columns=3)
        sweep = Sweep(found, search=own.values())
    return _counted(form, sweep)


def _values(form: OptionsForm, field: OptionField) -> Any:
    """A list of values, or a range as text."""
    key = f"{form.prefix}.sweep.{field.name}"
    values: Any
    if field.choices:
        values = st.multiselect(field.title, field.choices, key=key, persist_state="session",
                                format_func=lambda value: field.labels.get(value, value))
    elif field.type is bool:
        values = [True, False]
        st.caption(f"{field.title}: yes and no")
    else:
        text = st.text_input(field.title, key=key, persist_state="session",
                             placeholder="0.1, 0.01 or 0.0001..0.1" if field.type is float else "8, 16 or 4..64",
                             help="Values with commas between, or the two ends of a range with two dots between. It is "
                                  "logarithmic from a factor of 10 on; write log or linear behind it to say so.") or ""
        values = text.strip() if space.is_range(field, text) else \
            [_number(field, part.strip()) for part in text.replace(";", ",").split(",") if part.strip()]
    show_problems(form.prefix, field.name, values)
    return values


def _number(field: OptionField, part: str) -> Any:
    try:
        return field.type(part)
    except ValueError:
        return part  # the check says what is wrong with it


def _counted(form: OptionsForm, sweep: Sweep) -> Sweep:
    """The same with the number of trainings, which is said; what makes it impossible is said instead."""
    try:
        choices = space.space_of(form.cls, {**form.values(), **sweep.values})
        if sweep.search:
            number = chooser.planned(choices, SearchOptions.model_validate(sweep.search))
            st.markdown(f":material/travel_explore: **{number} trials**, {sweep.search['at_once']} at once")
        elif sweep.draws:
            number = sweep.draws
            st.markdown(f":material/casino: **{number} trainings** with random values")
        else:
            number = len(space.combinations(choices))
            sizes = " × ".join(str(len(values)) for values in sweep.values.values())
            st.markdown(f":material/dynamic_feed: **{number} trainings** ({sizes})")
    except (InvalidOptions, ValueError) as error:
        words = error.problems[0].message if isinstance(error, InvalidOptions) else "Some fields make no sense yet."
        st.error(plain(words), icon=":material/error:")
        return sweep
    return sweep._replace(trainings=number)


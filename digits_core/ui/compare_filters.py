"""Which trainings a comparison holds and which of their values are ticked; all of it stands in the address."""

import json
from collections.abc import Mapping

import streamlit as st

from digits_core.jobs.store import JobView
from digits_core.services.compare import Comparison
from digits_core.ui import session

Off = dict[str, list[str]]
SELECTED, ALL = "\0selected", "\0all"
MANY_VALUES, MANY_RUNS = 24, 4
"""Where a setting has so many values, or another one in each of so many runs, its ticks are folded away."""


def ids() -> list[str]:
    """The runs that the address names."""
    return [part for part in st.query_params.get("runs", "").split(",") if part]


def group() -> str | None:
    """The group that the address names; None: no group was asked for."""
    return st.query_params.get("group")


def begin() -> None:
    """Another set of runs starts with what the address says, not with what was hidden among the runs before."""
    asked = (tuple(ids()), group())
    if st.session_state.get("compare.for", asked) != asked:
        for name in ("compare.off", "compare.hidden", "compare.metrics", "compare.picked"):
            st.session_state.pop(name, None)
    st.session_state["compare.for"] = asked


def source(views: list[JobView]) -> None:
    """All models, one group, or the runs that were selected elsewhere."""
    groups = sorted({view.group for view in views if view.group}, key=str.casefold)
    choices = [*([SELECTED] if ids() else []), ALL, *groups]
    asked = group()
    now = SELECTED if ids() else asked if asked in groups else ALL
    st.session_state["compare.source"] = now

    def choose() -> None:
        picked = st.session_state["compare.source"]
        if picked != SELECTED:
            st.query_params.clear()
            if picked != ALL:
                st.query_params["group"] = picked

    words = {SELECTED: f"{len(ids())} selected runs", ALL: f"All models ({len(views)})"}
    st.selectbox("Runs", choices, key="compare.source", on_change=choose,
                 format_func=lambda value: words.get(value, f"Group {value}"))


def off() -> Off:
    """Values that are not ticked, by setting; the address is where it begins."""
    if "compare.off" not in st.session_state:
        st.session_state["compare.off"] = _sane(st.query_params.get("off", ""))
    found: Off = st.session_state["compare.off"]
    return found


def _sane(text: str) -> Off:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): [str(value) for value in values] for name, values in found.items() if isinstance(values, list)}


def hidden() -> set[str]:
    """Runs that were hidden one by one."""
    if "compare.hidden" not in st.session_state:
        st.session_state["compare.hidden"] = {part for part in st.query_params.get("hide", "").split(",") if part}
    found: set[str] = st.session_state["compare.hidden"]
    return found


def keep_in_address() -> None:
    """Write what is not ticked and what is hidden into the address."""
    unticked = {name: values for name, values in off().items() if values}
    session.to_address("off", json.dumps(unticked, separators=(",", ":")) if unticked else "", "")
    session.to_address("hide", ",".join(sorted(hidden())), "")


def settings(comparison: Comparison) -> None:
    """A multi-select for each setting that differs; a value that appears later is ticked."""
    if not comparison.differing:
        st.caption("These runs have the same settings." if len(comparison.runs) > 1 else
                   "With two runs or more, the settings that differ stand here.")
    rest = {}
    for name, values in comparison.differing.items():
        if len(values) > MANY_VALUES or (len(values) == len(comparison.runs) > MANY_RUNS):
            rest[name] = values
        else:
            _ticks(comparison.titles, name, values)
    if rest:
        with st.expander("Settings with many values"):
            for name, values in rest.items():
                _ticks(comparison.titles, name, values)
    if any(off().values()) and st.button("Tick everything", icon=":material/done_all:", key="compare.all"):
        st.session_state["compare.off"] = {}
        st.rerun()


def _ticks(titles: Mapping[str, str], name: str, values: tuple[str, ...]) -> None:
    key = f"compare.ticks.{name}"
    st.session_state[key] = [value for value in values if value not in off().get(name, [])]

    def changed() -> None:
        off()[name] = [value for value in values if value not in st.session_state[key]]

    st.multiselect(titles.get(name, name), values, key=key, on_change=changed, placeholder="nothing is shown",
                   help=f"`{name}`: a curve shows only if all its values are ticked.")

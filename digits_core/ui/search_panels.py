"""A search on the screen: how far it is, the best trial, what mattered, every trial in a table."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from digits_core.errors import DigitsError
from digits_core.options import option_fields
from digits_core.search.options import METHODS
from digits_core.search.trials import LIVE
from digits_core.services import compare, search
from digits_core.services.workspace import Workspace
from digits_core.tasks import task
from digits_core.ui import bulk, charts, compare_charts, compare_panels, session, tables
from digits_core.ui.text import age, plain, three_digits

Json = dict[str, Any]
WORDS = {"pruned": "ended early"}
STATE_COLORS: dict[str, Any] = {"running": "blue", "done": "green"}


def listing(found: list[Json]) -> None:
    """All searches, newest first, each a link to its page."""
    for each in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.page_link("search.py", label=f"**{plain(each['name'])}**", icon=":material/travel_explore:",
                         query_params={"id": each["id"]}, width="stretch")
            st.badge(each["state"], color=STATE_COLORS.get(each["state"], "gray"))
            st.caption(f"{over(each)} of {each['trials']} trials"
                       + (f", best {reached(each, each['best']['best'])}" if each["best"] else ""), width="content")
            st.caption(f"by {plain(each['owner'])} {age(each['created'])}", width="content")


def is_live(found: Json) -> bool:
    """Whether anything can still change by itself."""
    return found["state"] == "running" or any(state in LIVE for state in found["counts"])


def over(found: Json) -> int:
    """Trials that have ended, one way or the other."""
    return sum(number for state, number in found["counts"].items() if state not in LIVE)


def reached(found: Json, value: float | None) -> str:
    """A value of the search's goal in words."""
    if value is None:
        return "–"
    return f"{100 * value:.2f} %" if found["search"]["metric"] == "accuracy" else three_digits(value)


def act(action: Callable[[], object]) -> None:
    """Do one thing and draw the page again; its error is shown there."""
    try:
        action()
    except DigitsError as error:
        st.session_state["search.trouble"] = str(error)
    st.rerun()


def facts(found: Json) -> None:
    """State, method, group, owner in a line."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(found["state"], color=STATE_COLORS.get(found["state"], "gray"))
        st.badge(METHODS[found["search"]["method"]], icon=":material/travel_explore:", color="gray")
        st.badge(plain(found["group"]), icon=":material/folder:", color="gray")
        st.caption(f"by {plain(found['owner'])} {age(found['created'])}", width="content")
        st.page_link("search.py", label="All searches", width="content")


def trouble(found: Json) -> None:
    """What the last action ran into, and why the search stands."""
    if said := st.session_state.pop("search.trouble", ""):
        st.error(plain(said), icon=":material/error:")
    if found["state"] == "stopped":
        st.info(plain(found["reason"] or "It is stopped."), icon=":material/stop_circle:")


def actions(workspace: Workspace, found: Json) -> None:
    """The buttons that make sense now."""
    user, search_id = session.user(), found["id"]
    if found["rows"] and st.button("Compare", icon=":material/stacked_line_chart:", key="search.compare"):
        st.switch_page("compare.py", query_params={"runs": ",".join(_known(found))})
    if found["state"] == "running":
        with st.popover("Stop", icon=":material/stop_circle:", key="search.stopping"):
            if st.button("Stop with its running trials", key="search.stop", help="Each saves first; Resume goes on."):
                act(lambda: search.stop_search(workspace, user, search_id))
            if st.button("Begin no more trials", key="search.stay", help="Those that wait or run go on to their end."):
                act(lambda: search.stop_search(workspace, user, search_id, "stay"))
        return
    if found["state"] == "stopped" and st.button("Resume", icon=":material/play_arrow:", type="primary",
                                                 key="search.resume"):
        act(lambda: search.resume_search(workspace, user, search_id))
    with st.popover("More trials", icon=":material/add_circle:", key="search.more"), \
            st.form("search.more.form", border=False):
        trials = st.number_input("Trials in all", 1, search.MOST, min(search.MOST, found["trials"] + 10),
                                 key=f"search.trials.{search_id}")
        if st.form_submit_button("Go on", icon=":material/play_arrow:"):
            act(lambda: search.resume_search(workspace, user, search_id, int(trials)))
    with st.popover("", icon=":material/delete:", key="search.deleting", help="Delete"):
        st.caption("The search is forgotten; its trainings stay.")
        if st.button("Delete the search", key="search.delete", type="primary"):
            _delete(workspace, user, search_id)


def _delete(workspace: Workspace, user: str, search_id: str) -> None:
    try:
        search.delete_search(workspace, user, search_id)
    except DigitsError as error:
        st.error(plain(error))
        return
    st.switch_page("search.py")


def _known(found: Json) -> list[str]:
    """Trials that have a job."""
    return [row["id"] for row in found["rows"] if row["state"] not in ("refused", "deleted")]


def draw(workspace: Workspace, found: Json) -> list[str]:
    """Figures, charts, the table; returns the trials that are selected there."""
    titles = _titles(workspace, found)
    _figures(found, titles)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        if found["curve"]:
            charts.draw(_curve(found), "search.curve", 300)
        else:
            st.caption("The curve begins with the first measurement.")
    with right:
        if found["importance"]:
            charts.draw(_importance(found, titles), "search.importance", 300)
        else:
            st.caption("What mattered is told once a few trials are done and differ.")
    picked = _table(found, titles)
    if len(_known(found)) > 1:
        with st.expander("Parallel coordinates", icon=":material/account_tree:"):
            compared = compare.compare(workspace, _known(found), read=compare_panels.read)
            figure = compare_charts.parallel(compared, compared.runs, f"val/{found['search']['metric']}")
            if figure is None:
                st.caption("Two trials with measurements are needed here.")
            else:
                compare_charts.draw(figure, "search.parallel")
    return picked


def _titles(workspace: Workspace, found: Json) -> dict[str, str]:
    """What the options are called on the form."""
    try:
        fields = option_fields(task(workspace.store.get(found["dataset"]).job.task).model_options)
    except DigitsError:
        return {}
    return {field.name: field.title for field in fields}


def _figures(found: Json, titles: dict[str, str]) -> None:
    best, counts = found["best"], found["counts"]
    with st.grid(4, border=True, gap="small", min_column_width=150):
        st.metric("Trials over", f"{over(found)} of {found['trials']}")
        st.metric("Running or waiting", str(sum(counts.get(state, 0) for state in LIVE)))
        st.metric("Ended early", str(counts.get("pruned", 0)), help="Worse than the median of the others; kept.")
        st.metric("Best", reached(found, best["best"] if best else None))
    if best:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link("job.py", label=f"**Trial {best['number']}**", icon=":material/star:", width="content",
                         query_params={"id": best["id"]})
            st.markdown(" · ".join(f"{plain(titles.get(name, name))} **{plain(word(value))}**"
                                   for name, value in best["values"].items()), width="content")


def word(value: object) -> str:
    """A chosen value in a few letters."""
    return f"{value:.4g}" if isinstance(value, float) else compare.word(value)


def _curve(found: Json) -> go.Figure:
    accent, second = charts.colors()[:2]
    points = found["curve"]
    numbers = [point["number"] for point in points]
    words = [f"{WORDS.get(point['state'], point['state'])}: {reached(found, point['value'])}" for point in points]
    figure = go.Figure([
        go.Scatter(x=numbers, y=[point["value"] for point in points], mode="markers", name="Trial", text=words,
                   hovertemplate="%{text}", marker={
                       "color": second, "size": 9,
                       "symbol": ["x" if point["state"] == "pruned" else "circle" for point in points]}),
        go.Scatter(x=numbers, y=[point["best"] for point in points], mode="lines", name="Best so far",
                   line={"color": accent, "width": 2, "shape": "hv"}, hovertemplate="%{y:.4g}")])
    share = found["search"]["metric"] == "accuracy"
    figure.update_layout(xaxis={"title": "Trial", "tickformat": "d", "dtick": 1 if len(points) < 20 else None},
                         yaxis={"title": f"Validation {found['search']['metric']}",
                                **({"tickformat": ".1~%", "autorangeoptions": {"clipmax": 1.02}} if share else {})})
    return figure


def _importance(found: Json, titles: dict[str, str]) -> go.Figure:
    shares = dict(reversed(found["importance"].items()))
    names = [charts.short_label(titles.get(name, name), 24) for name in shares]
    figure = go.Figure(go.Bar(x=list(shares.values()), y=names, orientation="h", marker={"color": charts.colors()[0]},
                              hovertemplate="%{x:.0%}<extra></extra>"))
    figure.update_layout(xaxis={"title": "What mattered", "tickformat": ".0%"}, showlegend=False)
    return figure


def _table(found: Json, titles: dict[str, str]) -> list[str]:
    rows = [{"trial": row["number"], "state": WORDS.get(row["state"], row["state"]),
             "best": row["best"], "epoch": row["epoch"],
             **{name: word(value) for name, value in row["values"].items()}, "why": row["reason"]}
            for row in found["rows"]]
    if not rows:
        st.caption("The first trial is made as soon as the server's scheduler looks.")
        return []
    share = found["search"]["metric"] == "accuracy"
    config: Json = {"trial": st.column_config.NumberColumn("Trial", width=60),
                    "state": st.column_config.TextColumn("State", width=100),
                    "best": st.column_config.NumberColumn("Best", format="percent" if share else "%.4g"),
                    "epoch": st.column_config.NumberColumn("at epoch", format="%.4g"),
                    "why": st.column_config.TextColumn("Why it ended", width="large")}
    config |= {name: st.column_config.TextColumn(title) for name, title in titles.items() if name not in config}
    event = st.dataframe(pd.DataFrame(rows), hide_index=True, column_config=config, on_select="rerun",
                         key=f"search.table.{bulk.version()}", selection_mode="multi-row",
                         height=tables.height(len(rows), 14), placeholder=compare.UNSET)
    known = set(_known(found))
    picked = [found["rows"][i]["id"] for i in event["selection"]["rows"] if i < len(rows)]
    return [job_id for job_id in picked if job_id in known]

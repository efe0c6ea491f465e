"""Frames of videos as pictures: the form of such a job, and what came out of it."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from digits_core.data.video_options import SUFFIXES, UPLOADED, FramesJobOptions
from digits_core.jobs.store import JobView
from digits_core.services import frames
from digits_core.services.as_code import Asked
from digits_core.services.workspace import Workspace
from digits_core.ui import as_code, large_file, s3_form, session
from digits_core.ui.forms import OptionsForm, name_and_group, said, show_problems, submit
from digits_core.ui.overview import bar
from digits_core.ui.tables import height
from digits_core.ui.text import count, number, plural, short

Json = dict[str, Any]
PAGE = 24
UPLOAD_MB = 2000


def form(workspace: Workspace, first: Json) -> None:
    """Which videos, which of their frames; it becomes a job."""
    first = as_code.started("frames", first)
    prefix = f"frames.{first['origin']}"
    options = dict(first["options"])
    if options.get("videos") == UPLOADED:
        options["videos"] = ""
    form = OptionsForm(prefix, FramesJobOptions, options)
    left, right = st.columns([2, 1], gap="large")
    with left:
        name, group = name_and_group(prefix, first, "Frames of the gate camera")
        with st.container(border=True):
            st.markdown("**:material/looks_one: Which videos?**")
            given = upload_field(prefix, many=True)
            large = large_file.choose(workspace, f"{prefix}.large")
            if not given and not large:
                form.draw(("videos",))
                s3_form.draw(workspace, form)
        with st.container(border=True):
            st.markdown("**:material/looks_two: Which frames?**")
            form.draw(("frames_by", "frame_rate", "frame_step", "frames_most"))
            form.draw(("file_format",))
        with st.expander("Advanced", icon=":material/tune:"):
            form.draw(("notify",))
    with right:
        st.caption("The frames become picture files that you can download, label with any program, and bring back as "
                   "a dataset. Class folders that hold videos need no such step: a classification dataset takes their "
                   "frames by itself.")
        said(prefix)
        if st.button("Take frames", type="primary", icon=":material/play_arrow:", key=f"{prefix}.create",
                     width="stretch"):
            with session.shown():
                with large_file.received(workspace, given, large) as kept:
                    view = submit(prefix, {**form.values(), "name": name}, lambda: frames.create(
                        workspace, session.user(), name, form.values(), group, kept))
                st.switch_page("job.py", query_params={"id": view.id})
        as_code.panel(Asked("frames", FramesJobOptions, {"name": name, "group": group}, form.values()), form, "frames",
                      first, note="Uploaded videos are not in it." if given else "")


def upload_field(prefix: str, many: bool) -> list[Any]:
    """Videos that the person chooses from their own machine."""
    given = st.file_uploader("Upload", sorted(SUFFIXES), accept_multiple_files=many, key=f"{prefix}.files",
                             max_upload_size=UPLOAD_MB)
    show_problems(prefix, "uploads")
    return (given if isinstance(given, list) else [given]) if given else []


def live(workspace: Workspace, view: JobView) -> None:
    """Progress, then how much came out."""
    if not view.status.is_final:
        bar(workspace, view)
        if (left := number(view.progress.eta_s)) is not None:
            st.caption(f"{short(left)} left")
        return
    with session.readable("The list of videos"):
        _figures(frames.videos(workspace, view.id))


def _figures(rows: list[Json]) -> None:
    with st.grid(3, border=True, gap="small", min_column_width=150):
        st.metric("Videos", count(len(rows)))
        st.metric("Pictures", count(sum(row.get("pictures", 0) for row in rows)))
        st.metric("Could not be read", count(sum("error" in row for row in rows)))


def tabs(workspace: Workspace, view: JobView) -> dict[str, Callable[[], None]]:
    """Panels of such a job, by title."""
    return {"Pictures": lambda: _pictures(workspace, view), "Videos": lambda: _videos(workspace, view)}


def _pictures(workspace: Workspace, view: JobView) -> None:
    good = [row for row in frames.videos(workspace, view.id) if "error" not in row]
    if not good:
        st.caption("No video is through yet." if not view.status.is_final else "No video could be read.")
        return
    names = [row["video"] for row in good]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Video", names, key=f"frames.video.{view.id}", width=360) or names[0]
        st.link_button("Download all pictures", session.here(f"/api/frames/{view.id}/pictures.zip"),
                       icon=":material/download:")
    found = frames.pictures(workspace, view.id, chosen)
    key = f"frames.page.{view.id}.{chosen}"
    start = (int(st.session_state.get(key, 1)) - 1) * PAGE
    with st.grid(6, gap="small", min_column_width=140):
        for path in found[start:start + PAGE]:
            st.image(path.read_bytes(), caption=f"Frame {int(path.stem.rpartition('_')[2])}", width="stretch")
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(found) > PAGE:
            st.pagination(-(-len(found) // PAGE), key=key)
        st.caption(plural(len(found), "picture"), width="content")
    st.caption("On the server, one folder a video:")
    st.code(str(frames.folder(workspace, view.id)), language=None, wrap_lines=True)


def _videos(workspace: Workspace, view: JobView) -> None:
    rows = [{"video": row["video"], "pictures": row.get("pictures"), "frames": row.get("frames"),
             "seconds": number(row.get("seconds")), "size": _size(row),
             "damaged": row.get("damaged") or None, "error": row.get("error")}
            for row in frames.videos(workspace, view.id)]
    if not rows:
        st.caption("No video is through yet.")
        return
    st.dataframe(pd.DataFrame(rows).dropna(axis="columns", how="all"), hide_index=True, placeholder="–",
                 height=height(len(rows), 20), column_config={
        "video": "Video", "pictures": "Pictures", "frames": "Frames", "size": "Size", "damaged": "Damaged parts",
        "seconds": st.column_config.NumberColumn("Seconds", format="%.1f"),
        "error": st.column_config.TextColumn("Why not", width="large")})


def _size(row: Json) -> str | None:
    return f"{row['width']} x {row['height']}" if "width" in row else None

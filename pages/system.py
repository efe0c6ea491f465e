"""System: the machine, who uses it, what waits, and what takes its space."""

import streamlit as st

from digits_core.services import system
from digits_core.ui import bulk, serving_panel, session, system_panels
from digits_core.ui.frame import head

workspace = session.workspace()
head("System")
bulk.said()
facts = system.overview(workspace)
panels = {
    "Machine": lambda: system_panels.machine(workspace, facts),
    "Models loaded": lambda: serving_panel.draw(workspace),
    "Disk": lambda: system_panels.disk(workspace.store.jobs()),
    "Trash": lambda: system_panels.trash(workspace),
    "Doctor": lambda: system_panels.findings(workspace),
    "Versions": system_panels.versions,
    "Extensions": lambda: system_panels.extensions(workspace),
}
for tab, (title, draw) in zip(st.tabs(list(panels), key="tab", on_change="rerun", bind="query-params"),
                              panels.items(), strict=True):
    if tab.open:
        with tab, session.readable(title):
            draw()

"""The server: pages, REST API and scheduler in one process. Start it with ``streamlit run app.py``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.routing import Route

from digits_core import log
from digits_core.api.routes import routes
from digits_core.api.security import security_middleware
from digits_core.errors import DigitsError
from digits_core.jobs.scheduler import SchedulerThread
from digits_core.services import jobs, uploads
from digits_core.services.demo import start_demo
from digits_core.services.scheduling import make_scheduler
from digits_core.services.workspace import Workspace
from digits_core.ui.session import broken, name_route

try:
    workspace = Workspace.open()
except DigitsError as error:
    raise SystemExit(f"DIGITS cannot start. {error}") from None


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any] | None]:
    """Schedule jobs while the server runs; running jobs outlive it and are found again by the next one."""
    log.configure(workspace.settings.log_file, workspace.settings.logfile_level)
    uploads.keep_off_tmp(workspace)
    thread = SchedulerThread(make_scheduler(workspace))
    thread.start()
    if workspace.settings.demo and not workspace.store.ids():
        start_demo(workspace)
    yield None
    thread.ended.set()
    thread.join(timeout=10)
    if workspace.settings.stop_jobs:
        jobs.stop_all(workspace)


app = st.App(
    "pages/main.py",
    routes=[Route("/name", name_route), *routes(workspace)],
    middleware=security_middleware(workspace.settings),
    lifespan=lifespan,
    on_script_error=broken,
)

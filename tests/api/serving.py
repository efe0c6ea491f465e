"""The API and the inference protocol on a real port, in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from digits_core.api.routes import routes
from digits_core.api.security import security_middleware
from digits_core.services.workspace import Workspace
from tests.faults import waiting


@contextmanager
def serving(workspace: Workspace) -> Iterator[str]:
    """``host:port`` of a server for this workspace."""
    app = Starlette(routes=routes(workspace), middleware=security_middleware(workspace.settings))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    waiting.until(lambda: server.started)
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)

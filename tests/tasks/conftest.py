"""One workspace, with its inference process, for the tests of a module; and a scheduler that works right here."""

from collections.abc import Iterator

import pytest
import tritonclient.http as client

from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services.workspace import Workspace
from tests.api.serving import serving
from tests.infer.sharing import shared_workspace
from tests.ticking import Tick, ticking


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    yield from shared_workspace(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="module")
def tick(workspace: Workspace) -> Iterator[Tick]:
    yield from ticking(workspace)


@pytest.fixture(scope="module")
def address(workspace: Workspace) -> Iterator[str]:
    """``host:port`` of a server for the models of the workspace."""
    with serving(workspace) as found:
        yield found


@pytest.fixture(scope="module")
def triton(address: str) -> Iterator[client.InferenceServerClient]:
    """The public client of inference servers, for that server."""
    with client.InferenceServerClient(address) as found:
        yield found


@pytest.fixture(scope="module")
def done(tick: Tick) -> Tick:
    """``tick`` of a job that must end well."""
    def run(view: JobView) -> JobView:
        found = tick(view)
        assert found.status is Status.DONE, found.state.reason
        return found

    return run

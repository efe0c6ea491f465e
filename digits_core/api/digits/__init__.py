"""The REST routes of DIGITS at the root of the server, beside the pages: scripts that were written for it keep working.

Forms and answers are translated here; everything is done by the services that pages, /api and command line call. What
differs stands in docs/rest.md.
"""

from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from digits_core.api.digits import datasets, inference, jobs, models, pages, pretrained, session
from digits_core.api.digits.request import Handler, endpoint, prefers_json
from digits_core.services.workspace import Workspace

Row = tuple[str, str, Handler]
JOBS = ("datasets", "models", "pretrained_models", "jobs")


class JsonRoute(Route):
    """A route at the address of a page, for programs that would rather have JSON there."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Nothing that wants the page."""
        wants = scope["type"] == "http" and prefers_json(Request(scope).headers.get("accept", ""))
        return super().matches(scope) if wants else (Match.NONE, {})


def routes(space: Workspace) -> list[BaseRoute]:
    """All of them, for ``st.App(routes=...)``."""
    made: list[BaseRoute] = [JsonRoute("/", endpoint(space, jobs.index), methods=["GET"])]
    made += [Route(path, endpoint(space, handler), methods=[method]) for method, path, handler in plain()]
    return made + [Route(path + ending, endpoint(space, handler), methods=[method])
                   for method, path, handler in table() for ending in (".json", "/json", "")]


def table() -> list[Row]:
    """Method, path and handler of the routes that also have the endings .json and /json, which come first."""
    return [*_jobs(), *_inference(), *_making()]


def plain() -> list[Row]:
    """The others: cookies, files, and addresses of pages."""
    return [
        *((method, path, handler) for method in ("GET", "POST") for path, handler in (
            ("/login", session.login), ("/logout", session.logout), ("/clone/{job_id}", jobs.clone),
            ("/models/{job_id}/download", models.download), ("/models/{job_id}/download.{ending}", models.download))),
        ("GET", "/files/{job_id}/{name:path}", jobs.file),
        *(("GET", path, pages.moved) for path in pages.PAGES),
        ("GET", "/datasets/generic/new/{extension}", pages.extension),
        ("GET", "/models/images/generic/new/{extension}", pages.extension)]


def _jobs() -> list[Row]:
    return [
        ("GET", "/index", jobs.index), ("GET", "/completed_jobs", jobs.completed),
        ("DELETE", "/jobs", jobs.delete_many), ("POST", "/abort_jobs", jobs.abort_many), ("POST", "/group", jobs.group),
        ("GET", "/autocomplete/path", jobs.complete), ("GET", "/jobs/{job_id}/table_data", jobs.table_data),
        ("PUT", "/jobs/{job_id}", jobs.edit),
        *((method, f"/{part}/{{job_id}}{end}", handler) for part in JOBS for method, end, handler in (
            ("GET", "/status", jobs.status), ("POST", "/abort", jobs.abort), ("DELETE", "", jobs.delete),
            ("GET", "", jobs.show)))]


def _making() -> list[Row]:
    return [
        ("POST", "/datasets/images/classification", datasets.classification),
        ("POST", "/datasets/images/generic", datasets.generic),
        ("POST", "/datasets/generic/create/{extension}", datasets.extension),
        ("POST", "/models/images/classification", models.create), ("POST", "/models/images/generic", models.create),
        ("POST", "/models/images/generic/{extension}", models.create), ("POST", "/models/customize", models.customize),
        ("POST", "/models/visualize-network", models.layers), ("POST", "/models/visualize-lr", models.learning_rate),
        ("POST", "/models/{job_id}/publish_inference", models.publish_inference),
        ("POST", "/pretrained_models/upload_archive", pretrained.upload_archive),
        ("POST", "/pretrained_models/new", pretrained.new),
        ("GET", "/store/models", pretrained.store_models), ("GET", "/store/push", pretrained.store_push),
        *((method, "/models/{job_id}/to_pretrained", pretrained.to_pretrained) for method in ("GET", "POST"))]


def _inference() -> list[Row]:
    places = {"classification": (inference.classify_one, inference.classify_many, inference.top_n),
              "generic": (inference.infer_one, inference.infer_many, inference.infer_db, inference.infer_extension)}
    return [("POST", f"/models/images/{place}/{handler.__name__}", handler)
            for place, handlers in places.items() for handler in handlers]

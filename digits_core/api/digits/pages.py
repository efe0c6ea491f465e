"""Addresses of DIGITS' pages that lead to ours."""

from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from digits_core.api.digits.dataset_fields import EXTENSIONS
from digits_core.api.digits.request import Asked
from digits_core.tasks import sources

PAGES = {
    "/datasets/images/classification/new": "/datasets?new=classification",
    "/datasets/images/generic/new": "/datasets?new=regression",
    "/models/images/classification/new": "/models?new=classification",
    "/models/images/generic/new": "/models?new=regression",
    "/pretrained_models/new": "/model_store",
    "/store": "/model_store",
    "/store/list": "/model_store",
}


def moved(asked: Asked) -> Response:
    """The page that does the same now; with ``clone`` the form is filled in."""
    target = PAGES[asked.path]
    return _to(asked, target)


def extension(asked: Asked) -> Response:
    """The form of a dataset, or of a model, of the task that an extension belonged to."""
    name = asked.part("extension")
    task = EXTENSIONS[name].task if name in EXTENSIONS else name if name in sources() else "regression"
    return _to(asked, f"/{asked.path.split('/')[1]}?new={quote(task)}")


def _to(asked: Asked, target: str) -> Response:
    clone = asked.text("clone")
    target = f"{target.partition('?')[0]}?clone={quote(clone)}" if clone else target
    return RedirectResponse(asked.here(target), 302)

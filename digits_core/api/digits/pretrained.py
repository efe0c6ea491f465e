"""DIGITS' routes that bring models in: archives, stores, copies of trainings."""

from contextlib import ExitStack
from typing import Any

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from digits_core.api.answers import StrictJSON
from digits_core.api.digits import tell
from digits_core.api.digits.fields import translated
from digits_core.api.digits.jobs import page_of
from digits_core.api.digits.model_fields import SINGLE_FILES, UPLOADS
from digits_core.api.digits.models import snapshot
from digits_core.api.digits.request import Asked, answer, not_from_elsewhere, renamed
from digits_core.api.forms import received
from digits_core.errors import DigitsError
from digits_core.services import foreign, modelstore, store

Json = dict[str, Any]


def upload_archive(asked: Asked) -> Response:
    """Take an archive of a model; the job that unpacks it tells whether it could be used."""
    user, upload = asked.named, asked.uploads.get("archive")
    if upload is None:
        return StrictJSON({"status": "archive is a required field"}, 400)
    try:
        with received(asked.space, asked.user, upload) as path:
            name = asked.text("job_name") or (upload.filename or "").partition(".")[0] or "model"
            view = modelstore.import_model(asked.space, user, name, path, asked.text("group_name"))
    except DigitsError as error:
        return StrictJSON({"status": str(error)}, 400)
    return StrictJSON({"status": "success", "id": view.id})


def new(asked: Asked) -> Response:
    """Make a model of uploaded weights, definition, labels and mean."""
    user, found = asked.named, translated(asked, SINGLE_FILES)
    names = {"name": "job_name", **found.names, **{ours: theirs for theirs, ours in UPLOADS.items()}}
    with renamed(names), ExitStack() as kept:
        sent = {ours: foreign.Sent(asked.uploads[theirs].filename or theirs,
                                   kept.enter_context(received(asked.space, user, asked.uploads[theirs])))
                for theirs, ours in UPLOADS.items() if theirs in asked.uploads}
        view = foreign.import_files(asked.space, user, asked.text("job_name"), found.options,
                                    asked.text("group_name"), sent)
    return answer(asked, {**tell.brief(view), "status": tell.NEW}, page_of(view))


def to_pretrained(asked: Asked) -> Response:
    """Make a pretrained model of a checkpoint; a GET does that too, as it did, but not from another site's page."""
    not_from_elsewhere(asked.request)
    which = snapshot(asked.text("epoch") or asked.text("snapshot_epoch"))
    view = modelstore.make_pretrained(asked.space, asked.named, asked.part("job_id"), which)
    if asked.wants_json:
        return StrictJSON({**tell.brief(view), "status": tell.NEW})
    return RedirectResponse(asked.here("/model_store"), 302)


def store_models(asked: Asked) -> Response:
    """The models of every store by its address; ``refresh=1`` reads the stores again."""
    if asked.text("refresh") == "1":
        asked.named  # noqa: B018  reading many servers is asked for by somebody
        not_from_elsewhere(asked.request)
        store.refresh(asked.space)
    store.wake(asked.space)
    return StrictJSON({found["address"]: _shelf(found) for found in store.stores(asked.space)})


def _shelf(found: Json) -> Json:
    return {"base_url": found["address"], "welcome_msg": found["message"] or found["reason"],
            "model_list": [{"id": entry["id"], "dir_name": entry["folder"], "info": entry["info"] | {
                "name": entry["name"], "username": entry["contributor"], "note": entry["note"]},
                            "aux": {"dataset": entry["dataset"], "license": entry["license"]}}
                           for entry in found["models"]]}


def store_push(asked: Asked) -> Response:
    """Bring a model of a store here; answers with the id of the job that does it."""
    not_from_elsewhere(asked.request)
    user = asked.named
    asked.missing("id")
    return PlainTextResponse(store.import_entry(asked.space, user, asked.text("id")).id)

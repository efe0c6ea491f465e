"""DIGITS' routes that bring models in."""

from starlette.responses import Response

from digits_core.api.answers import StrictJSON
from digits_core.api.digits.request import Asked
from digits_core.api.forms import received
from digits_core.errors import DigitsError
from digits_core.services import modelstore


def upload_archive(asked: Asked) -> Response:
    """Take an archive of a model; the job that unpacks it tells whether it could be used."""
    user, upload = asked.named, asked.uploads.get("archive")
    if upload is None:
        return StrictJSON({"status": "archive is a required field"}, 400)
    try:
        with received(asked.space, upload) as path:
            name = asked.text("job_name") or (upload.filename or "").partition(".")[0] or "model"
            view = modelstore.import_model(asked.space, user, name, path, asked.text("group_name"))
    except DigitsError as error:
        return StrictJSON({"status": str(error)}, 400)
    return StrictJSON({"status": "success", "id": view.id})

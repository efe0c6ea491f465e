"""Routes on models from elsewhere in single files: Caffe's, or a state dict with what builds its network."""

from typing import Annotated, Any

from fastapi import APIRouter, File, UploadFile

from digits_core.api.forms import OptionsText, Upload, Words, options_of
from digits_core.api.once import once, once_sent
from digits_core.api.request import Body, Key, Named, Options, Space
from digits_core.api.weights import Text
from digits_core.services import foreign, jobs

Json = dict[str, Any]
Perhaps = Annotated[list[UploadFile] | None, File()]

router = APIRouter(tags=["models"])


class ModelFiles(Body):
    """Files on the server: ``options`` names file (weights), definition or network, labels_file, mean_file."""

    name: Text
    options: Options
    group: Text = ""


@router.post("/models/files", status_code=201)
def import_files(body: ModelFiles, space: Space, user: Named, key: Key = "") -> Json:
    """Make a model of files on the server: .caffemodel with .prototxt, or a state dict with its network."""
    view = once(space, user, key, ["model-files", body.model_dump()], lambda place: foreign.import_files(
        place, user, body.name, body.options, body.group))
    return jobs.describe(view)


@router.post("/models/files/upload", status_code=201)
def upload_files(weights: Upload, name: Words, space: Space, user: Named, definition: Perhaps = None,
                 labels: Perhaps = None, mean: Perhaps = None, options: OptionsText = "{}", group: Words = "",
                 key: Key = "") -> Json:
    """The same for uploaded files: ``weights``, and beside them one ``definition``, ``labels`` and ``mean``."""
    values = options_of(options)
    files = {"file": weights, **{field: found[0] for field, found in (
        ("definition", definition), ("labels_file", labels), ("mean_file", mean)) if found}}
    view = once_sent(space, user, key, ["model-upload", name, values, group, list(files)], list(files.values()),
                     lambda place, sent: foreign.import_files(place, user, name, values, group, {
                         field: foreign.Sent(*one) for field, one in zip(files, sent, strict=True)}))
    return jobs.describe(view)

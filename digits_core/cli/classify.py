"""Commands that use models: classify pictures, export and import."""

import base64
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.create import Group, Name
from digits_core.cli.flags import given_values, whole_path, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, Wait, app, complain, settings
from digits_core.cli.waiting import finish, print_json
from digits_core.errors import InvalidOptions, NotFound, Problem
from digits_core.infer.options import METHODS, BatchOptions
from digits_core.modelstore.packing import KINDS
from digits_core.services import inference, modelstore, uploads
from digits_core.services.workspace import Workspace
from digits_core.views import Bars, Panel, Picture, Table, Text

Json = dict[str, Any]
ModelId = Annotated[str, typer.Option("--model", metavar="ID", help="Id of a trained or imported model.")]
Checkpoint = Annotated[str, typer.Option("--checkpoint", help="best, last, or an epoch such as 12.")]


@app.command()
def classify(
    model: ModelId,
    images: Annotated[list[str] | None, typer.Argument(metavar="IMAGE...", help="Picture files (for a model that reads "
                                                       "texts: text files) or http(s) addresses.")] = None,
    text: Annotated[list[str] | None, typer.Option(help="A text itself, for a model that reads texts.")] = None,
    checkpoint: Checkpoint = "best",
    top: Annotated[int, typer.Option(help="So many of the most probable labels.", min=1, max=1000)] = 5,
    layers: Annotated[Path | None, typer.Option(help="Write weights, activations and statistics of every layer for "
                                                "the one picture there, as PNG and JSON.")] = None,
    explain: Annotated[str, typer.Option(metavar="|".join(METHODS), help="With --layers: why this label; several "
                                         "with commas between.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the pictures of the answers there (masks, boxes, what was "
                                             "made), as PNG.")] = None,
    view: Annotated[str, typer.Option(help="How answers are shown: raw, or the view of an extension.")] = "",
    option: Annotated[list[str], typer.Option(metavar="NAME=VALUE", help="Of the view: opacity=0.5, "
                                              "threshold=0.3.")] = [],  # noqa: B006
    whole: Annotated[bool, typer.Option("--whole", help="Do not resize pictures (segmentation, detection, image "
                                        "processing).")] = False,
    user: User = "", as_json: AsJson = False,
) -> None:
    """Say what is on pictures: labels, masks, boxes or numbers; exit code 1 when one could not be read."""
    workspace = Workspace.open(settings())
    pictures = given(workspace, images or [], text or [])
    if explain and layers is None:
        raise InvalidOptions([Problem("explain", "needs --layers FOLDER, where its pictures are written.")])
    if layers is not None:
        if len(pictures) != 1:
            raise InvalidOptions([Problem("layers", "One picture at a time can be looked into.")])
        methods = [method.strip() for method in explain.split(",") if method.strip()]
        write_layers(layers, inference.look(workspace, acting_user(workspace, user), model, pictures[0], checkpoint,
                                             top, methods=methods))
    answers = inference.classify(workspace, acting_user(workspace, user), model, pictures, checkpoint, top, whole)
    if as_json:
        print_json(answers)
    shown = dict(word.partition("=")[::2] for word in option)
    for answer, picture in zip(answers, pictures, strict=True):
        panels = inference.panels(workspace, model, picture, answer, shown, view)
        if answer.get("error"):
            complain(f"{answer['image']}: {answer['error']}")
        elif not as_json:
            print("\n".join(f"{answer['image']}: {line}" for line in lines(panels)))
        if out is not None:
            write_pictures(out, Path(answer["image"]).stem, panels)
    if any(answer.get("error") for answer in answers):
        raise typer.Exit(1)


def given(workspace: Workspace, images: Sequence[str], texts: Sequence[str]) -> list[inference.Image]:
    """Pictures by the names that were typed, and texts behind them."""
    found = inference.load_images(workspace, [whole_path(image) for image in images])
    return [(name, content) for name, (_, content) in zip(images, found, strict=True)] + inference.load_texts(texts)


def lines(panels: Sequence[Panel]) -> list[str]:
    """What panels say, without their pictures; one line for bars, one for each row of a table."""
    found: list[str] = []
    for panel in panels:
        match panel:
            case Bars(rows, marks=marks) if marks:
                said = panel.counting()
                found += [f"{name} {share * 100:.2f} % {'yes' if name in said else 'no'} (from {mark * 100:.0f} %)"
                          for (name, share), mark in zip(rows, marks, strict=True)]
            case Bars(rows):
                found.append(", ".join(f"{name} {share * 100:.2f} %" for name, share in rows))
            case Table(_, rows):
                found += [" ".join(f"{cell:.5g}" if isinstance(cell, float) else str(cell) for cell in row)
                          for row in rows]
            case Text(text):
                found.append(text)
    return found


def write_pictures(folder: Path, stem: str, panels: Sequence[Panel]) -> None:
    """The pictures of an answer as files that are called after what was asked about."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, panel in enumerate(panel for panel in panels if isinstance(panel, Picture)):
        path = folder / f"{stem}-{number + 1}.{'gif' if panel.png.startswith(b'GIF') else 'png'}"
        path.write_bytes(panel.png)
        complain(f"{panel.caption or 'Picture'}: {path}")


def write_layers(folder: Path, found: Json) -> None:
    """Every picture as a file of its own, everything else as layers.json beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    named = [(f"{number:03d}-{row['name']}-{row['kind']}", row) for number, row in enumerate(found["layers"])]
    for stem, row in [*named, *((row["method"], row) for row in found.get("explanations", ()))]:
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in stem) + ".png"
        png = row.pop("picture")
        row["file"] = name if png else ""
        if png:
            (folder / name).write_bytes(base64.b64decode(png))
    (folder / "layers.json").write_text(json.dumps(found, indent=1) + "\n")
    complain(f"{len(named)} layers: {folder}")


@app.command("classify-many")
@with_options(BatchOptions)
def classify_many(
    model: ModelId, name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
    csv: Annotated[Path | None, typer.Option(help="Write the results there (with --wait).")] = None,
    results_json: Annotated[Path | None, typer.Option(help="The same as JSON (with --wait).")] = None,
    **options: Any,
) -> None:
    """Classify a folder, a list of pictures or a dataset's split as a job."""
    workspace = Workspace.open(settings())
    values = given_values(BatchOptions, flags=options)
    source = values.get("folder") or values.get("image_list") or values.get("dataset") or "pictures"
    view = inference.create_batch(workspace, acting_user(workspace, user), model,
                                  name or f"Classify {Path(str(source)).name}"[:200], values, group)
    try:
        finish(workspace, view, wait, as_json)
    finally:
        for path, written in ((csv, inference.batch_csv), (results_json, inference.batch_json)):
            if path is not None and wait:
                with path.open("wb") as file:
                    file.writelines(written(workspace, view.id))
                complain(f"Results: {path}")


@app.command("export-model")
def export_model(
    model: Annotated[str, typer.Argument(metavar="ID")],
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; a folder: under its own name.")],
    checkpoint: Checkpoint = "best", user: User = "", as_json: AsJson = False,
) -> None:
    """Write network, weights, labels and preprocessing into one file (zip, tar.gz ...), for DIGITS elsewhere."""
    workspace = Workspace.open(settings())
    kind = next((kind for kind in KINDS if target.name.endswith(f".{kind}")), "zip")
    path = modelstore.export_model(workspace, acting_user(workspace, user), model, checkpoint, kind)
    target = target / path.name if target.is_dir() else target
    shutil.copyfile(path, target)
    print(target)
    if as_json:
        print_json({"file": str(target), "bytes": target.stat().st_size})


@app.command("import-model")
def import_model(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="A model archive of DIGITS, also of old (Caffe).")],
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Let a custom network's code run here.")] = False,
    name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
) -> None:
    """Bring in a model archive; the file itself stays where it is."""
    workspace = Workspace.open(settings())
    if not archive.is_file():
        raise NotFound(f"There is no file {str(archive)!r}.")
    with archive.open("rb") as file:
        copy = uploads.receive(workspace, file, archive.name)
    try:
        view = modelstore.import_model(workspace, acting_user(workspace, user), name or archive.stem, copy, group,
                                       allow_code)
    finally:
        uploads.discard(copy)
    finish(workspace, view, wait, as_json)

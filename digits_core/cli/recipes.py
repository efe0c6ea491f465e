"""Commands of recipes: a job as YAML that runs again."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from digits_core.cli.create import Name
from digits_core.cli.flags import whole_path
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, JobId, User, Wait, app, settings
from digits_core.cli.waiting import finish_all
from digits_core.errors import InvalidOptions, Problem
from digits_core.services import recipe_run, recipes
from digits_core.services.recipe_file import said
from digits_core.services.workspace import Workspace


@app.command()
def recipe(job_id: JobId, user: User = "") -> None:
    """Print a dataset or a model, and what it was made from, as YAML that `run` makes again."""
    workspace = Workspace.open(settings())
    sys.stdout.write(recipes.recipe(workspace, acting_user(workspace, user), job_id))


@app.command()
def run(
    recipe_file: Annotated[Path, typer.Argument(metavar="FILE", help="What `recipe` printed.")],
    data: Annotated[list[str], typer.Option("--data", metavar="OLD=NEW", help="Where data of the recipe are here: a "
                                            "path, or its beginning.")] = [],  # noqa: B006
    name: Name = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
) -> None:
    """Make the jobs of a recipe; a dataset that is here already is used as it is."""
    workspace = Workspace.open(settings())
    try:
        text = recipe_file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidOptions([Problem("", f"{recipe_file} cannot be read: {error}")]) from None
    places, who = dict(map(_pair, data)), acting_user(workspace, user)
    try:
        made = recipe_run.run(workspace, who, text, places, name)
    except InvalidOptions as error:  # a key of the file is no flag
        raise InvalidOptions([Problem("", said(problem, str(recipe_file))) for problem in error.problems]) from None
    finish_all(workspace, [view for view in made.jobs if view.id not in made.known], wait, as_json)


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not old or not equals or not new:
        raise InvalidOptions([Problem("data", f"Write OLD=NEW, not {text!r}.")])
    return old, whole_path(new)

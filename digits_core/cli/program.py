"""The program every command hangs on, and the one place that turns errors into words and an exit code."""

import os
import sys
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

import digits_core
from digits_core.errors import DigitsError, InvalidOptions
from digits_core.settings import PREFIX, Settings


class ReportingGroup(TyperGroup):
    """Commands whose errors are one readable line each on stderr, exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except InvalidOptions as error:
            for problem in error.problems:
                complain(f"--{problem.field.replace('_', '-')}: {problem.message}" if problem.field
                         else problem.message)
        except ValidationError as error:
            for fault in error.errors():
                name = PREFIX + str(fault["loc"][0] if fault["loc"] else "").upper()
                complain(f"{name}: {fault['msg']} (got {fault['input']!r})")
        except DigitsError as error:
            complain(str(error))
        except (BrokenPipeError, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise typer.Exit(2)


def complain(text: str) -> None:
    """One line on stderr."""
    print(" ".join(text.split()), file=sys.stderr)


app = typer.Typer(cls=ReportingGroup, no_args_is_help=True, add_completion=False, rich_markup_mode=None,
                  pretty_exceptions_enable=False, help="DIGITS: build an image dataset, train a network, try it.")

User = Annotated[str, typer.Option("--user", help="Name you act as; DIGITS_USER, else your login name.")]
AsJson = Annotated[bool, typer.Option("--json", help="The last line of stdout is one JSON value.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until the job is over; exit code 0 only when it is done.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of a job.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(digits_core.__version__)
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def options(
    jobs_dir: Annotated[str, typer.Option("--jobs-dir", help="Folder of the jobs; DIGITS_JOBS_DIR.")] = "",
    version: Version = False,
) -> None:
    """Options before the command hold for every command."""
    if jobs_dir:
        os.environ[f"{PREFIX}JOBS_DIR"] = jobs_dir


def settings() -> Settings:
    """The settings of this process; the environment wins."""
    return Settings.load()

"""The command that brings a large file to a server, and goes on where it was after a kill or a broken connection."""

from pathlib import Path
from typing import Annotated

import typer

from digits_core.cli.identity import from_login, login
from digits_core.cli.program import AsJson, User, app, settings
from digits_core.cli.waiting import print_json
from digits_core.errors import NotFound
from digits_core.services.access import check_user_name


@app.command()
def upload(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file, of any size.")],
    server: Annotated[str, typer.Option("--server", help="Address of the server, the path that it is below included.",
                                        show_default="http://localhost:8501, with DIGITS_URL_PREFIX")] = "",
    user: User = "", as_json: AsJson = False,
) -> None:
    """Bring a file of many GB to a server; run again, it goes on where it was. Prints what stands for it: upload:ID."""
    if not file.is_file() or not file.stat().st_size:
        raise NotFound(f"There is no file {str(file)!r}, or it is empty.")
    from digits_core.cli.sender import send  # an HTTP client, that no other command needs

    name = check_user_name(user or settings().user or from_login(login()))
    found = send(file, server or f"http://localhost:8501{settings().url_prefix}", name)
    if as_json:
        print_json(found)
    else:
        print(found["upload"])

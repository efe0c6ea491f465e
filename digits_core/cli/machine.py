"""Commands about the machine: data, doctor, scheduler, server, demo."""

import os
import signal
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

import digits_core
from digits_core import log
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, Version, Wait, app, complain, settings
from digits_core.cli.waiting import Bar, finish, print_json
from digits_core.errors import InvalidOptions, Problem
from digits_core.jobs.scheduler import SchedulerThread
from digits_core.services import doctor as examination
from digits_core.services import notify
from digits_core.services.scheduling import make_scheduler
from digits_core.services.workspace import Workspace
from digits_core.settings import PREFIX

ROOT = Path(digits_core.__file__).parents[1]
LOCAL = ("127.0.0.1", "localhost", "::1")


@app.command("download-data")
def download_data(
    name: Annotated[str, typer.Argument(metavar="digits|mnist|cifar10|cifar100")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the class folders go.")],
    source: Annotated[Path | None, typer.Option("--from", metavar="DIR", help="Folder that holds the original files; "
                                                "nothing is downloaded then.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a well-known set of pictures as class folders with lists, ready for ``create-dataset``."""
    from digits_core.data import download

    bar = Bar(sys.stderr)
    try:
        folder = download.download_data(name, folder, source, bar.share)
    finally:
        bar.close()
    print(folder)
    if as_json:
        print_json({"folder": str(folder)})


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine lacks; exit code 1 when something that is needed is missing."""
    found = examination.findings(Workspace.open(settings()))
    for finding in found if not as_json else ():
        mark = "ok" if finding.ok else "MISSING" if finding.needed else "note"
        print(f"{mark:<8}{finding.name}: {finding.text}" + (f"\n        -> {finding.todo}" if finding.todo else ""))
    if as_json:
        print_json({"ok": examination.is_healthy(found), "findings": [asdict(finding) for finding in found]})
    if not examination.is_healthy(found):
        raise typer.Exit(1)


@app.command("notify-test")
def notify_test(user: User = "", as_json: AsJson = False) -> None:
    """Send a test by every notification channel that is set up; exit code 1 when one does not work."""
    workspace = Workspace.open(settings())
    answer = notify.send_test(workspace, acting_user(workspace, user))
    for name, problem in answer.items() if not as_json else ():
        print(f"{name}: {problem or 'sent'}")
    if as_json:
        print_json(answer)
    if any(answer.values()):
        raise typer.Exit(1)


@app.command()
def scheduler() -> None:
    """Run the jobs of the jobs folder without a web page, until Ctrl-C; running jobs go on."""
    workspace = Workspace.open(settings())
    file = workspace.settings.log_file
    own = "scheduler.log" if file.name == "digits.log" else f"{file.stem}-scheduler{file.suffix}"
    log.configure(file.with_name(own), workspace.settings.logfile_level)
    thread = SchedulerThread(make_scheduler(workspace))
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    thread.start()
    complain(f"Scheduling the jobs of {workspace.store.root}. Ctrl-C ends this; running jobs go on.")
    over.wait()
    thread.ended.set()
    thread.join(10)


@app.command()
def serve(address: str = "127.0.0.1",
          port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535)] = 8501,
          debug: Annotated[bool, typer.Option("--debug", "-d", help="Log everything.")] = False,
          insecure: Annotated[bool, typer.Option("--insecure-no-auth", help="Serve a whole network without "
                                                 "passwords.")] = False, version: Version = False) -> None:
    """Start the pages, the REST API and the scheduler (the same as ``streamlit run app.py``)."""
    if address not in LOCAL and not insecure:
        raise InvalidOptions([Problem("address", f"{address} lets the whole network in, and there are no passwords "
                                                 "yet. Use 127.0.0.1 with an SSH tunnel, or add --insecure-no-auth.")])
    if debug:
        os.environ[f"{PREFIX}LOGFILE_LEVEL"] = "debug"
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address", address,
                              "--server.port", str(port), "--server.headless", "true",
                              *(("--logger.level", "debug") if debug else ())])


@app.command()
def demo(user: User = "", wait: Wait = False, as_json: AsJson = False) -> None:
    """Put the built-in demo into the queue: handwritten digits, a dataset of them, a network on it."""
    from digits_core.services.demo import start_demo

    workspace = Workspace.open(settings())
    _, model = start_demo(workspace, acting_user(workspace, user))
    finish(workspace, model, wait, as_json)

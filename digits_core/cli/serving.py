"""Commands about models that answer: which are loaded."""

from digits_core.cli.program import AsJson, app, settings
from digits_core.cli.waiting import print_json
from digits_core.services import serving
from digits_core.services.workspace import Workspace


@app.command("serving")
def loaded(as_json: AsJson = False) -> None:
    """The models that are loaded now: checkpoint, device, memory, requests, p50 and p95 in milliseconds."""
    found = serving.loaded(Workspace.open(settings()))
    for row in found if not as_json else ():
        p50, p95 = (f"{row[name]:.1f}" if row[name] is not None else "-" for name in ("p50_ms", "p95_ms"))
        print(f"{row['model']}  epoch {row['epoch']:g}  {row['device']}  {row['bytes'] / 1e6:.1f} MB  "
              f"{row['requests']} requests  p50 {p50} ms  p95 {p95} ms  {row['name']}")
    if as_json:
        print_json(found)
    elif not found:
        print("No model is loaded; one is when it is asked.")

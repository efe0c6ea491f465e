"""What REST can change, the command line can change: every such route has its command."""

import re
from pathlib import Path

from starlette.applications import Starlette
from typer.main import get_command

from digits_core.cli import app
from tests.api.conftest import api, server
from tests.api.test_matrix import routes
from tests.cli.conftest import flags_of

__all__ = ["api", "server"]
COMMANDS = {
    "POST /jobs/bulk": "stop", "PATCH /jobs/{job_id}": "edit", "DELETE /jobs/{job_id}": "delete",
    "POST /jobs/{job_id}/stop": "stop", "POST /jobs/{job_id}/resume": "resume",
    "POST /trash/{job_id}/restore": "restore", "DELETE /trash/{job_id}": "delete --purge",
    "POST /bundles": "unbundle", "POST /recipes": "run", "POST /datasets": "create-dataset classification",
    "POST /datasets/upload": "create-dataset classification",
    "POST /datasets/preview": "create-dataset classification --preview",
    "POST /datasets/{job_id}/augmentation": "preview-augmentation", "POST /datasets/{job_id}/fit": "fit",
    "POST /datasets/{job_id}/versions": "create-version", "POST /datasets/{job_id}/additions": "add-pictures",
    "POST /datasets/{job_id}/additions/upload": "add-pictures", "POST /datasets/{job_id}/subsets": "create-subset",
    "POST /models/weights": "get-weights", "POST /models": "train", "POST /models/sweep": "train --draws",
    "POST /models/try-out": "try-out", "POST /models/layers": "layers", "POST /models/import": "import-model",
    "POST /searches": "search", "POST /searches/{search_id}/stop": "search-stop",
    "POST /searches/{search_id}/resume": "search-resume", "DELETE /searches/{search_id}": "search-delete",
    "POST /models/{job_id}/finish": "finish", "POST /models/{job_id}/rate": "change-rate",
    "POST /models/{job_id}/epochs": "more-epochs", "POST /classify": "classify", "POST /classify/upload": "classify",
    "POST /compare-pictures": "compare-pictures", "POST /compare-pictures/upload": "compare-pictures",
    "POST /look": "classify --layers", "POST /look/upload": "classify --layers", "POST /inferences": "classify-many",
    "POST /inferences/upload": "classify-many", "POST /embeddings": "embed", "POST /models/{job_id}/make": "make",
    "POST /models/{job_id}/make/upload": "make", "POST /models/{job_id}/max-activations": "max-activations",
    "POST /models/{job_id}/exports": "export", "POST /imports": "unbundle --queue",
    "POST /imports/upload": "unbundle --queue",
    "POST /frames": "frames", "POST /frames/upload": "frames",
    "POST /videos": "classify-video",
    "POST /videos/upload": "classify-video", "POST /evaluations/{job_id}/fix-labels": "fix-labels",
    "POST /notify-test": "notify-test", "POST /models/files": "import-files",
    "POST /models/files/upload": "import-files", "POST /models/{job_id}/predict": "classify",
    "POST /models/{job_id}/predict/upload": "classify", "POST /models/{job_id}/pretrained": "make-pretrained",
    "POST /models/{job_id}/publish": "store publish", "POST /models/{job_id}/publish-inference": "publish-inference",
    "POST /published/{published_name}/pins": "store pin", "POST /published/{published_name}/slices": "store pin-class",
    "POST /published/{published_name}/values": "store pin-values",
    "POST /published/{published_name}/targets": "store pin-target",
    "DELETE /published/{published_name}/pins/{pin_id}": "store unpin",
    "DELETE /published/{published_name}/versions/{number}": "store unpublish", "POST /store/refresh": "store list",
    "POST /store/{entry_id}/import": "store import", "POST /uploads": "upload", "PATCH /uploads/{upload_id}": "upload",
    "DELETE /uploads/{upload_id}": "upload"}
"""The command of each route that is no GET; where a route takes an upload, the command reads the file."""


def test_every_route_that_changes_something_has_a_command(server: Starlette) -> None:
    asked = {f"{method} {path}" for method, path in routes(server) if method != "GET"}
    assert asked - set(COMMANDS) == set(), "name the command that does the same"
    known = get_command(app).commands
    for command in COMMANDS.values():
        words = command.split()
        inner = getattr(known.get(words[0]), "commands", None)
        assert words[0] in known and (not inner or words[1] in inner), command
        assert {word for word in words if word.startswith("--")} <= flags_of(*words), command


def test_the_settings_that_the_documents_name_exist_and_none_is_missing() -> None:
    from digits_core.settings import PREFIX, Settings

    text = (Path(__file__).parents[2] / "README.md").read_text()
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert set(re.findall(r"`(DIGITS_[A-Z0-9_]+)`", text)) >= known

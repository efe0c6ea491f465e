"""Searches from the shell."""

from collections.abc import Callable

from digits_core.services.workspace import Workspace
from tests.cli.conftest import last_json


def test_a_search_from_the_shell(digits: Callable, workspace: Workspace, finished_job: Callable) -> None:
    dataset = finished_job("dataset").id
    made = digits("search", "--dataset", dataset, "--learning-rate", "0.001..0.1 log", "--batch-size", "4,8",
                  "--trials", 3, "--no-prune", "--json")
    assert made.exit_code == 0 and "No server runs" in made.stderr
    found = last_json(made.stdout)
    assert found["options"]["learning_rate"] == "0.001..0.1 log" and found["options"]["batch_size"] == [4, 8]
    assert found["search"]["prune"] is False and found["name"].startswith("lenet on ")
    assert "running: no trial yet of 3" in digits("search-show").stdout
    assert "stopped" in digits("search-stop", found["id"]).stdout
    assert last_json(digits("search-resume", found["id"], "--trials", 4, "--json").stdout)["trials"] == 4
    assert digits("search-delete", found["id"]).exit_code == 2
    digits("search-stop", found["id"], "--stay")
    assert digits("search-delete", found["id"]).exit_code == 0
    assert last_json(digits("search-show", "--json").stdout) == {"searches": []}
    wrong = digits("search", "--dataset", dataset, "--learning-rate", "0.1..0.001")
    assert wrong.exit_code == 2 and "--learning-rate: The first end of a range" in wrong.stderr

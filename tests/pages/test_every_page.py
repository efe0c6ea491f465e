"""Every page opens: empty, with data, with a bad id, with damaged jobs; and none loads torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from digits_core.jobs.model import Kind
from tests.pages.conftest import PAGES, words

ROOT = Path(__file__).parents[2]
FORMS = [("datasets.py", {"new": "classification"}), ("models.py", {"new": "classification"}),
         ("inference.py", {"mode": "Many pictures"})]
SYSTEM = ["Machine", "Models loaded", "Disk", "Trash", "Doctor", "Versions", "Extensions"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_on_an_empty_jobs_folder(page, visit):
    assert visit(page).title


@pytest.mark.parametrize(("page", "query"), FORMS)
def test_a_form_opens_on_an_empty_jobs_folder(page, query, visit):
    assert visit(page, **query).title


def everything(finished_job):
    model = finished_job("model", name="a net")
    return [finished_job("dataset", name="pets"), model, finished_job("inference", needs=(model.id,)),
            finished_job("pretrained")]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_with_jobs_of_every_kind(page, visit, finished_job):
    everything(finished_job)
    assert visit(page).title


@pytest.mark.parametrize(("page", "query"), FORMS)
def test_a_form_opens_with_jobs_of_every_kind(page, query, visit, finished_job):
    everything(finished_job)
    assert visit(page, **query).title


@pytest.mark.parametrize("tab", SYSTEM)
def test_every_part_of_the_system_page_opens(tab, visit, finished_job):
    everything(finished_job)
    assert visit("system.py", tab=tab).title


@pytest.mark.parametrize("kind", list(Kind))
def test_a_job_page_opens_with_every_tab(kind, visit, finished_job):
    view = finished_job(kind)
    app = visit("job.py", id=view.id)
    assert view.name in words(app)
    for tab in [tab.label for tab in app.tabs]:
        assert view.name in words(visit("job.py", id=view.id, tab=tab)), tab


@pytest.mark.parametrize("job_id", ["", "nope", "../../etc", "20261120-101500-3f9a", "<b>x</b>"])
def test_an_unknown_job_is_explained(job_id, visit):
    app = visit("job.py", id=job_id)
    assert "There is no job" in words(app)
    assert not app.tabs


DAMAGE = {"empty": b"", "garbage": b"\x00\xff{[", "other json": b"[1, 2]", "wrong types": b'{"v": 1, "labels": 3, '
          b'"splits": [1], "per_class": "x", "confusion": 5, "epoch": "two", "metrics": 7, "name": 5, "notes": [],'
          b'"done": "x", "state": "done", "summary": [1]}', "gone": None}


def spoil(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


DAMAGES = [pytest.param(name, marks=[] if name == "wrong types" else [pytest.mark.slow]) for name in DAMAGE]
READERS = {"evaluation": "Evaluation", "checkpoints": "Checkpoints", "manifest.json": "Classes", "train.lmdb":
           "Pictures", "predictions.jsonl": "Results", "skipped.csv": "Skipped", "videos.jsonl": "Videos",
           "export.json": "Check", "notes.json": "Notes"}


def tab_for(name: Path) -> str:
    """The tab that shows what this file holds."""
    return READERS.get(name.parts[0], "Related")


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", list(Kind))
def test_a_job_with_any_damaged_file_still_has_its_page(kind, damage, visit, finished_job):
    view = finished_job(kind)
    for name in [path.relative_to(view.folder.path) for path in view.folder.path.rglob("*") if path.is_file()]:
        path = view.folder.path / name
        before = path.read_bytes()
        spoil(path, DAMAGE[damage])
        assert visit("job.py", id=view.id, tab=tab_for(name)).title, name
        path.write_bytes(before)


@pytest.mark.parametrize("damage", DAMAGES)
def test_lists_open_beside_jobs_of_which_every_file_is_damaged(damage, visit, finished_job):
    for view in everything(finished_job):
        for path in [path for path in view.folder.path.rglob("*") if path.is_file()]:
            spoil(path, DAMAGE[damage])
    for page, query in [(page, {}) for page in PAGES] + FORMS:
        assert visit(page, **query).title, page


def test_a_damaged_job_is_listed_with_its_reason(visit, finished_job):
    view = finished_job("dataset")
    (view.folder.path / "job.json").write_text("{garbage")
    app = visit("home.py", tab="Damaged")
    frame = app.dataframe[0].value
    assert view.id in frame["id"].tolist()
    assert "job.json cannot be read" in frame["reason"].iloc[0]


def test_names_are_shown_as_they_were_typed(visit, finished_job):
    nasty = "*x* <b>y</b> :smile: [l](http://z) $q$"
    view = finished_job("model", name=nasty)
    app = visit("job.py", id=view.id)
    assert app.title[0].value.replace("\\", "").replace("\u2060", "") == nasty
    assert app.title[0].value != nasty


def test_no_page_loads_torch():
    code = f"""
import os, sys, tempfile
os.environ["DIGITS_JOBS_DIR"] = tempfile.mkdtemp()
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({str(ROOT / "pages" / "main.py")!r}, default_timeout=60).run()
for page in {[*PAGES, "job.py"]!r}:
    app.switch_page(page).run()
    assert not app.exception, page
heavy = [name for name in ("torch", "torchvision", "sklearn", "optuna") if name in sys.modules]
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


def test_home_lists_every_job_whatever_its_kind(visit, finished_job):
    made = {kind: finished_job(kind, name=f"the {kind} job") for kind in Kind}
    tabs = {Kind.DATASET: "Datasets", Kind.MODEL: "Models", Kind.PRETRAINED: "Pretrained"}
    shown = {}
    for tab in dict.fromkeys([*tabs.values(), "Other jobs"]):
        frame = visit("home.py", tab=tab).dataframe[0].value
        shown |= dict.fromkeys(frame["id"], tab)
        assert tab != "Other jobs" or set(frame["kind"]) == {str(kind) for kind in Kind if kind not in tabs}
    assert {kind: shown.get(view.id) for kind, view in made.items()} == {
        kind: tabs.get(kind, "Other jobs") for kind in Kind}
    found = visit("home.py", tab="Other jobs", filter="export").dataframe[0].value
    assert list(found["id"]) == [made[Kind.EXPORT].id]

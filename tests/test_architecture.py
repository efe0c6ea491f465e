"""The rules that keep the halves apart: who may import whom, and which tools stay unused."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "digits_core"

HEAVY = ("torch", "torchvision", "safetensors.torch", "torchinfo", "captum")
"""Only workers and the inference process may load these."""
STREAMLIT_PLACES = ("app.py", "pages/", "digits_core/ui/")
TORCH_PLACES = ("digits_core/networks/", "digits_core/train/", "digits_core/evaluate/", "digits_core/infer/",
                "digits_core/export/", "digits_core/modelstore/layout.py", "digits_core/modelstore/published.py",
                "digits_core/modelstore/state_dict.py", "digits_core/modelstore/convert.py",
                "digits_core/modelstore/foreign.py", "digits_core/modelstore/uploaded.py",
                "digits_core/modelstore/caffe.py", "digits_core/modelstore/caffe_model.py")
LIGHT_IN_HEAVY_PLACES = ("digits_core/networks/__init__.py", "digits_core/train/options.py",
                         "digits_core/train/schedule.py", "digits_core/infer/client.py", "digits_core/infer/batch.py",
                         "digits_core/infer/signature.py", "digits_core/infer/agreement.py",
                         "digits_core/export/options.py")

PICKLES = ("pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib")
PICKLE_PLACES = ("digits_core/data/download.py",)
"""CIFAR comes as pickles: read by an Unpickler that finds no names but NumPy's arrays (tested with hostile ones)."""

CONVERTER = "digits_core/modelstore/convert.py"
"""The one place that opens files of PyTorch: a fenced process, weights only (tested with bad)."""

LEVELS = {
    "errors": 0, "files": 1, "safe": 1, "options": 1, "settings": 1, "networks": 3, "log": 4, "jobs": 2, "data": 3,
    "train": 3, "evaluate": 3, "infer": 3, "views": 3, "notify": 3, "modelstore": 3, "tasks": 3, "search": 3,
    "export": 3, "plugins": 3, "extension": 3,
    "services": 4, "api": 5, "cli": 5, "ui": 5, "__main__": 6, "pages": 6, "app": 7}
"""A module imports from its own level or below (architecture: nothing imports upwards)."""


def sources(*folders: str) -> list[Path]:
    """All our own Python files below these folders, without tests."""
    return sorted(path for folder in folders for path in
                  ([ROOT / folder] if folder.endswith(".py") else (ROOT / folder).rglob("*.py")) if path.exists())


ALL = sources("digits_core", "pages", "app.py")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Full names of what a file imports, and whether that happens only while types are checked."""
    tree = ast.parse(path.read_text())
    typing_only = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in
                   ast.unparse(node.test) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", id(node) in typing_only


def level_of(module: str) -> tuple[str, int]:
    """The part of the program a module belongs to, and its level."""
    parts = module.split(".")
    part = parts[1] if parts[0] == "digits_core" and len(parts) > 1 else parts[0]
    return part, LEVELS.get(part, 0)


@pytest.mark.parametrize("path", ALL, ids=name)
def test_nothing_imports_upwards(path: Path) -> None:
    own, level = level_of(name(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    for module, typing_only in imports(path):
        if module.split(".")[0] in ("digits_core", "pages", "app") and module != "digits_core" and not typing_only:
            part, other = level_of(module)
            assert other <= level, f"{name(path)} ({own}) imports {module} ({part})"


@pytest.mark.parametrize("path", ALL, ids=name)
def test_streamlit_and_torch_stay_in_their_places(path: Path) -> None:
    where = name(path)
    for module, _ in imports(path):
        if module.split(".")[0] == "streamlit":
            assert where.startswith(STREAMLIT_PLACES), f"{where} imports {module}"
        if module.startswith(HEAVY):
            assert where.startswith(TORCH_PLACES) and where not in LIGHT_IN_HEAVY_PLACES, f"{where} imports {module}"
        assert where in PICKLE_PLACES or module.split(".")[0] not in PICKLES, f"{where} imports {module}: no pickle"


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


@pytest.mark.parametrize("path", ALL, ids=name)
def test_no_html_no_eval_no_shell(path: Path) -> None:
    for call in calls(path):
        text, words = ast.unparse(call.func), {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert words.get("unsafe_allow_html", "False") == "False", f"{name(path)}:{call.lineno}"
        assert not text.endswith("components.v1.html") and text not in ("eval", "os.system", "st.html"), \
            f"{name(path)}:{call.lineno} {text}"
        assert text != "exec" or name(path) == "digits_core/networks/usercode.py", f"{name(path)}:{call.lineno} exec"
        assert words.get("shell", "False") == "False", f"{name(path)}:{call.lineno} a shell"
        assert not text.endswith("extractall"), f"{name(path)}:{call.lineno} use safe.archives"
        if text == "torch.load" and name(path) == CONVERTER:
            assert words["weights_only"] == "True", name(path)
        elif text == "torch.load" or words.get("allow_pickle", "False") != "False":
            raise AssertionError(f"{name(path)}:{call.lineno} loads pickles")


WRITES = {"write_text", "write_bytes", "open", "touch", "dump", "save", "savez", "to_csv"}


def writes(call: ast.Call) -> bool:
    """Whether a call writes a file by itself: write_text, json.dump, open(..., "w") and the like."""
    text = ast.unparse(call.func).rpartition(".")[2]
    if text != "open":
        return text in WRITES
    modes = [arg.value for arg in [*call.args, *(k.value for k in call.keywords if k.arg == "mode")]
             if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    return any(set(mode) & set("wax+") and len(mode) <= 3 for mode in modes)


LOG = ["digits_core/jobs/child.py: json.dump(found, file, allow_nan=False)",
       "digits_core/jobs/confine.py: Path('/proc/self/oom_score_adj').write_text('1000')",
       "digits_core/jobs/runner.py: attempt.log.open('ab')"]
"""What lies in no job folder, and the one open file: the worker's log, which it writes itself."""


def test_jobs_and_services_write_job_folders_only_through_files() -> None:
    found = [f"{name(path)}: {ast.unparse(call)}" for path in sources("digits_core/jobs")
             for call in calls(path) if writes(call)]
    assert found == LOG


def test_no_file_is_larger_than_300_lines_and_no_function_than_40() -> None:
    long_files = [name(path) for path in ALL if len(path.read_text().splitlines()) > 300]
    long_functions = [f"{name(path)}:{node.name}" for path in ALL for node in ast.walk(ast.parse(path.read_text()))
                      if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                      and (node.end_lineno or 0) - node.lineno >= 60]
    assert (long_files, long_functions) == ([], [])


LIGHT = ["digits_core.settings", "digits_core.errors", "digits_core.files", "digits_core.options", "digits_core.jobs",
         "digits_core.jobs.scheduler", "digits_core.jobs.worker", "digits_core.tasks", "digits_core.networks",
         "digits_core.train.options", "digits_core.train.schedule", "digits_core.infer.client"]


def loaded_by(module: str) -> set[str]:
    """Top packages in sys.modules after importing one module in a fresh process."""
    code = f"import sys, {module}; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def light_modules() -> list[str]:
    """Modules that pages, REST and command line load: all of these parts, and the light ones beside heavy code."""
    folders = ["services", "data", "safe", "api", "cli", "tasks", "jobs"]
    found = [name(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
             for path in sources(*(f"digits_core/{folder}" for folder in folders))]
    return sorted({*LIGHT, *found})


def test_everything_light_loads_without_torch_and_streamlit() -> None:
    modules = [module for module in light_modules() if not module.endswith("__main__")]
    code = (f"import importlib, sys\nfor name in {modules!r}:\n    importlib.import_module(name)\n"
            "    heavy = {'torch', 'torchvision', 'streamlit'} & set(sys.modules)\n"
            "    assert not heavy, f'{name} loads {heavy}'")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("module", ["digits_core.jobs.worker", "digits_core.jobs.store", "digits_core.files"])
def test_a_worker_starts_without_the_web_and_without_numpy(module: str) -> None:
    assert not loaded_by(module) & {"torch", "streamlit", "numpy", "PIL", "fastapi", "pandas", "plotly", "httpx"}


def test_the_rules_catch_what_they_forbid(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import torch.nn\nfrom digits_core.services import jobs\nopen('x', 'w')\npath.write_text('x')\n")
    assert {"torch.nn", "digits_core.services.jobs"} == {module for module, _ in imports(bad)}
    assert [writes(call) for call in calls(bad)] == [True, True]
    assert level_of("digits_core.services.jobs")[1] > level_of("digits_core.jobs.store")[1]

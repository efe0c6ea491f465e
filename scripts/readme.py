"""Write the generated parts of README.md: the settings and the tree of files. `--check` only compares."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from digits_core.settings import PREFIX, Settings  # noqa: E402

TOP = {
    "app.py": "", "pages": "one screen each, thin", "digits_core": "", "benchmarks": "side-by-side runs against peers",
    "examples": "networks to start one's own from, each a walk-through",
    "scripts": "what writes this file and takes the screenshot", "docs": "architecture, decisions, features, REST, CLI",
    "deploy": "behind nginx, as a service, with containers",
    "tests": "mirrors digits_core; e2e/ in a real browser, faults/ breaks things", ".ci/run": "from nothing to proven",
}


def first_line(path: Path) -> str:
    """The first sentence of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    return text.split("\n")[0].rstrip(".")


def tracked() -> list[Path]:
    """Python files of the product, in order: those git knows, and those it is about to be told of."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run([*command, "app.py", "pages", "digits_core", "examples", "benchmarks", "scripts"], cwd=ROOT,
                           capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in sorted(set(names)) if name.endswith(".py") and (ROOT / name).exists()]


def tree() -> str:
    """Every module with its own first line."""
    rows, folder = [], None
    for path in tracked():
        relative = path.relative_to(ROOT)
        if relative.parent != folder and str(relative.parent) != ".":
            folder = relative.parent
            about = first_line(path) if path.name == "__init__.py" else TOP.get(str(folder), "")
            rows.append(f"{'  ' * (len(folder.parts) - 1)}{folder.name}/".ljust(30) + about)
        if path.name != "__init__.py":
            depth = len(relative.parts) - 1
            rows.append(f"{'  ' * depth}{path.name}".ljust(30) + first_line(path))
    rows += [f"{name}".ljust(30) + TOP[name] for name in ("deploy", "tests", "docs", ".ci/run")]
    return "```\n" + "\n".join(row.rstrip() for row in rows) + "\n```"


def settings() -> str:
    """Every environment variable with its default and meaning."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = {"server_name": "host name", "cpu_trainings": "half the processors"}.get(name, field.default)
        shown = "" if default in ("", []) else f"`{default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


def written(text: str) -> str:
    """README.md with fresh generated parts."""
    for title, part in (("Settings", settings()), ("The tree", tree())):
        head, rest = text.split(f"## {title}\n", 1)
        text = f"{head}## {title}\n\n{part}\n\n## " + rest.split("\n## ", 1)[1]
    return text


def main() -> None:
    """Rewrite, or with --check end with 1 when it is not fresh."""
    readme = ROOT / "README.md"
    fresh = written(readme.read_text())
    if "--check" in sys.argv:
        sys.exit(0 if fresh == readme.read_text() else "README.md is not fresh: run python scripts/readme.py")
    readme.write_text(fresh)


if __name__ == "__main__":
    main()

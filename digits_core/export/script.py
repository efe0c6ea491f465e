"""The script of an archive: of predict.py beside this file what one model needs, and nothing else."""

import ast
from pathlib import Path

from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.signature import signature
from digits_core.tasks import task

SOURCE = Path(__file__).with_name("predict.py")
FITS = {"squash": "squash", "pad": "pad"}
"""Function by the first word of a resize mode; others scale evenly."""
READS = {"text": "read_text", "all": "read_planes"}
TELLS = {"digits_core.infer.answers:LabelSet": "tell_set", "digits_core.infer.answers:Labels": "tell_label"}
"""Function by answerer where the output does not say which."""
END = '\n\nif __name__ == "__main__":\n    main({})\n'


def script(model: ModelFolder) -> str:
    """predict.py for a model."""
    kind, steps = task(model.network.task), model.preprocessing
    chosen = (READS.get(steps.channels, "read_picture"), FITS.get(steps.resize_mode.split(" ")[0], "cover"),
              TELLS.get(kind.answerer) or f"tell_{signature(model).output.name}")
    return _only(SOURCE.read_text(), chosen) + END.format(", ".join(chosen))


def _only(text: str, chosen: tuple[str, ...]) -> str:
    """The module with these functions, ``main``, and what they use."""
    tree, lines = ast.parse(text), text.splitlines()
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    wanted, more = set[str](), {"main", *chosen}
    while more:
        wanted |= more
        more = {name for here in more for name in _names(functions[here])} & functions.keys() - wanted
    kept = [node for node in tree.body if not isinstance(node, ast.FunctionDef) or node.name in wanted]
    used = {name for node in kept if not isinstance(node, ast.Import | ast.ImportFrom) for name in _names(node)}
    parts, last = list[str](), 0
    for node in kept:
        if (part := _trimmed(node, lines, used)) is not None:
            gap = 2 if isinstance(node, ast.FunctionDef) else min(1, node.lineno - last - 1)
            parts += [""] * gap + [part]
        last = node.end_lineno or 0
    return "\n".join(parts).strip() + "\n"


def _trimmed(node: ast.stmt, lines: list[str], used: set[str]) -> str | None:
    """The source of a statement; of imports and constants only if somebody uses them."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        node.names = [alias for alias in node.names if alias.name.split(".")[0] in used]
        return ast.unparse(node) if node.names else None
    if isinstance(node, ast.Assign) and not used & {name for target in node.targets for name in _names(target)}:
        return None
    return "\n".join(lines[node.lineno - 1:node.end_lineno])


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}

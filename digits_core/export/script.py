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
    used = {name for here in wanted for name in _names(functions[here])}
    parts, last = list[str](), tree.body[-1]
    for node in reversed(tree.body):
        if part := _kept(node, lines, wanted, used):
            same = type(node) is type(last) or _imports(node, last)
            apart = 2 if ast.FunctionDef in (type(node), type(last)) else int(not same)
            parts[:0] = [part, *[""] * apart] if parts else [part]
            last = node
    return "\n".join(parts) + "\n"


def _kept(node: ast.stmt, lines: list[str], wanted: set[str], used: set[str]) -> str:
    """The source of a statement that somebody behind it needs, and its own needs among the ``used``; else empty."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        node.names = [alias for alias in node.names if (alias.asname or alias.name) in used]
        return ast.unparse(node) if node.names else ""
    if isinstance(node, ast.FunctionDef) and node.name not in wanted:
        return ""
    if isinstance(node, ast.Assign):
        if not used & set().union(*map(_names, node.targets)):
            return ""
        used |= _names(node.value)
    return "\n".join(lines[node.lineno - 1:node.end_lineno])


def _imports(*nodes: ast.stmt) -> bool:
    return all(isinstance(node, ast.Import | ast.ImportFrom) for node in nodes)


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}

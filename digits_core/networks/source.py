"""The source of a standard network as a module of one's own: what "Customize" puts into the editor."""

import ast
import importlib.util
import json
from pathlib import Path

from digits_core.errors import NotFound
from digits_core.networks import NETWORKS, graph

OWN = {"lenet": ("lenet", "LeNet", 16), "resnet20": ("resnet20", "ResNet20", 8),
       "mlp": ("mlp", "DenseNetwork", 1)}
"""Our own networks: module, class, smallest side."""
TORCHVISION = {
    "alexnet": ("alexnet", 64, "AlexNet(num_classes=params.classes)"),
    "googlenet": ("googlenet", 64, "GoogLeNet(num_classes=params.classes, aux_logits=True, init_weights=True)"),
    "vgg16": ("vgg", 32, 'VGG(make_layers(cfgs["D"]), num_classes=params.classes)'),
    "resnet18": ("resnet", 64, "ResNet(BasicBlock, [2, 2, 2, 2], num_classes=params.classes)"),
    "resnet50": ("resnet", 64, "ResNet(Bottleneck, [3, 4, 6, 3], num_classes=params.classes)"),
    "mobilenet_v3_small": ("mobilenetv3", 64, 'MobileNetV3(*_mobilenet_v3_conf("mobilenet_v3_small"), '
                                              'num_classes=params.classes)')}
"""Networks of torchvision: module, smallest side, how one is made."""
HEAD = '''"""{title}. Change it as you like.

build_network(params) returns the network: an nn.Module that takes float32 pictures (B, channels, height, width) and
gives one number a class (B, classes). params.input_shape is (channels, height, width), params.classes a number, and
params.options holds the values you give beside this text, such as width=32.{origin}
"""

'''
ORIGIN = "\n\nThe classes are those of torchvision (BSD 3-Clause licence)."
ENTRY = '''

SMALLEST = {smallest}  # pictures with a smaller side are enlarged before the network sees them


def build_network(params):
    network = {make}
'''
FIRST = '''    if params.input_shape[0] != 3:  # grey, or more than three channels
        name, old = next((name, part) for name, part in network.named_modules() if isinstance(part, nn.Conv2d))
        parent, _, attribute = name.rpartition(".")
        new = nn.Conv2d(params.input_shape[0], old.out_channels, old.kernel_size, old.stride, old.padding,
                        bias=old.bias is not None)
        setattr(network.get_submodule(parent), attribute, new)
'''
LAST = "    return network\n"


GRAPH = '''"""A network that was imported. Its layers are the list below: change it as you like.

build_network(params) returns the network: an nn.Module that takes float32 pictures (B, channels, height, width).
params.input_shape is (channels, height, width), params.classes a number.
"""

from digits_core.networks import graph, graph_network
from digits_core.networks.build import enlarge_to

LAYERS = r"""
{layers}
"""


def build_network(params):
    known = graph.read(LAYERS)
    size = params.input_shape[1:] if known.dense else known.size
    network = graph_network.build(known, (params.input_shape[0], *size), params.classes)
    if size != params.input_shape[1:]:  # pictures are scaled to the size that its dense layers are made for
        network.register_forward_pre_hook(enlarge_to(size))
    return network
'''


def has_source(name: str) -> bool:
    """Whether there is source of this network to start from."""
    return name in OWN or name in TORCHVISION


def standard_source(name: str) -> str:
    """A module with ``build_network`` that makes the standard network ``name``; its weights keep their names.

    Everything is read as text, nothing is run. Raises NotFound when there is no source of it to start from.
    """
    title = NETWORKS[name].title if name in NETWORKS else name
    if name in OWN:
        module, cls, smallest = OWN[name]
        text = (Path(__file__).parent / f"{module}.py").read_text().replace("  # type: ignore[arg-type]", "")
        return HEAD.format(title=title, origin="") + _parts(text, "") + ENTRY.format(
            smallest=smallest, make=f"{cls}(params.input_shape, params.classes)") + LAST
    if name not in TORCHVISION:
        raise NotFound(f"There is no source of {name!r} to start from; there is one of "
                       f"{', '.join([*OWN, *TORCHVISION])}.")
    module, smallest, make = TORCHVISION[name]
    text = _parts((_torchvision() / "models" / f"{module}.py").read_text(), "torchvision.models")
    return HEAD.format(title=title, origin=ORIGIN) + text + ENTRY.format(smallest=smallest, make=make) + FIRST + LAST


def described_source(values: str) -> str:
    """A module with ``build_network`` that makes the network that ``values`` describe, see graph."""
    known = json.loads(graph.read(values).text())
    layers = ",\n".join(f"  {json.dumps(layer)}" for layer in known.pop("layers"))
    return GRAPH.format(layers=json.dumps(known)[:-1] + ', "layers": [\n' + layers + "]}")


def _torchvision() -> Path:
    """Where torchvision lies; finding it does not import it."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        raise NotFound("torchvision is not installed.")
    return Path(spec.submodule_search_locations[0])


def _parts(text: str, package: str) -> str:
    """The imports, classes and functions of a module, without what offers its ready-made networks and weights."""
    tree, lines, parts = ast.parse(text), text.splitlines(), []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            parts.append(_absolute(node, package))
        elif isinstance(node, ast.Import | ast.ImportFrom) or _wanted(node):
            parts.append("\n".join(lines[_first(node) - 1:node.end_lineno]))
    return _spaced(_used([part for part in parts if part]))


def _first(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _wanted(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return not node.name.endswith("_Weights")
    if isinstance(node, ast.FunctionDef):
        arguments = {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
        return node.name != "build" and "weights" not in arguments
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        return not (isinstance(target, ast.Name) and (target.id.startswith("__") or "META" in target.id))
    return False


def _absolute(node: ast.ImportFrom, package: str) -> str:
    base = package.split(".")[:len(package.split(".")) - node.level + 1]
    names = ", ".join(ast.unparse(alias) for alias in node.names)
    return f"from {'.'.join([*base, *filter(None, [node.module])])} import {names}"


def _used(parts: list[str]) -> list[str]:
    """Without the imports that nothing needs any more."""
    rest = "\n".join(part for part in parts if not part.startswith(("import ", "from ")))
    named = {node.id for node in ast.walk(ast.parse(rest)) if isinstance(node, ast.Name)} | {"nn"}
    return [found for part in parts if (found := _trimmed(part, named))]


def _trimmed(part: str, named: set[str]) -> str:
    if not part.startswith(("import ", "from ")):
        return part
    node = ast.parse(part).body[0]
    assert isinstance(node, ast.Import | ast.ImportFrom)
    node.names = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in named]
    return ast.unparse(node) if node.names else ""


def _spaced(parts: list[str]) -> str:
    imports = [part for part in parts if part.startswith(("import ", "from "))]
    return "\n".join(imports) + "\n\n\n" + "\n\n\n".join(part for part in parts if part not in imports) + "\n"

"""How the first weights decide: LeNet with the initialisation that the value ``init`` names.

New model, tab Custom, "Take a file"; then give ``init=constant``, ``init=uniform`` (0 to 1), ``init=centred``
(-0.5 to 0.5), ``init=torch``, ``init=xavier`` or ``init=kaiming`` as the network's values, train one model of each for
an epoch or two, and look at them on the Compare page. Constant and uniform weights learn nothing: all units of a layer
do the same or drown (the loss may even become NaN); Xavier (http://proceedings.mlr.press/v9/glorot10a.html) and
Kaiming (https://arxiv.org/abs/1502.01852) keep the size of signals and gradients from layer to layer.
"""

from torch import nn

FIRST_WEIGHTS = {
    "constant": lambda weight: nn.init.constant_(weight, 0.1),
    "uniform": lambda weight: nn.init.uniform_(weight, 0, 1),
    "centred": lambda weight: nn.init.uniform_(weight, -0.5, 0.5),
    "torch": lambda weight: weight,
    "xavier": nn.init.xavier_uniform_,
    "kaiming": nn.init.kaiming_normal_,
}


def build_network(params):
    """LeNet for pictures of any size; ``params.options["init"]`` is a key of FIRST_WEIGHTS."""
    channels, height, width = params.input_shape
    after = ((height - 4) // 2 - 4) // 2 * (((width - 4) // 2 - 4) // 2)
    network = nn.Sequential(
        nn.Conv2d(channels, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(50 * after, 500), nn.ReLU(), nn.Linear(500, params.classes))
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            FIRST_WEIGHTS[params.options.get("init", "xavier")](layer.weight)
    return network

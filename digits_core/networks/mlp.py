"""A network of dense layers, for vectors and very small pictures."""

from math import prod

from torch import Tensor, nn
from torch.nn import functional


class DenseNetwork(nn.Module):
    """Three dense layers with ReLU, and dropout between them. Source: https://doi.org/10.1038/323533a0."""

    def __init__(self, input_shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.dense1 = nn.Linear(prod(input_shape), 512)
        self.dense2 = nn.Linear(512, 512)
        self.dense3 = nn.Linear(512, classes)

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Logits (B, classes)."""
        x = functional.dropout(functional.relu(self.dense1(image_BCHW.flatten(1))), 0.2, self.training)
        x = functional.dropout(functional.relu(self.dense2(x)), 0.2, self.training)
        return self.dense3(x)


def build(input_shape: tuple[int, int, int], classes: int) -> nn.Module:
    """See NetworkSpec.build."""
    return DenseNetwork(input_shape, classes)

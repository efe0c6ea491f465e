"""Options that make a training better behaved: what it learns from, what of the network moves, and when it ends."""

from typing import Literal

from digits_core.options import Options, option


class FitOptions(Options):
    """Averaging, early stopping, clipping and fine-tuning."""

    ema: float = option(0.0, title="Average the weights (EMA decay)", group="Regularisation", ge=0, le=0.99999,
                        help="Measure and save a running average of the weights; 0: off, 0.999 is usual.")
    clip_norm: float = option(0.0, title="Gradient clipping (norm)", group="Regularisation", ge=0, le=1e6,
                              help="Longer gradients are shortened to this; 0: off, 1 is usual.")
    patience: float = option(0.0, title="Early stopping: patience (epochs)", group="Regularisation", ge=0, le=100_000,
                             help="End when the validation goal (of a classifier its accuracy) has not improved for so "
                                  "many epochs; 0: never.")
    min_delta: float = option(0.0, title="Early stopping: least improvement", group="Regularisation", ge=0, le=1,
                              help="A smaller gain (of accuracy: 0 to 1) does not count as one.")
    trainable_stages: int = option(0, title="Train only the last stages", group="Fine-tuning", ge=0, le=10_000,
                                   help="So many stages (the last layer is one) learn, all before them are frozen; "
                                        "0: everything learns.")
    backbone_rate: float = option(1.0, title="Learning-rate factor of the backbone", group="Fine-tuning", ge=0, le=100,
                                  help="Everything before the last layer learns with the learning rate times this; "
                                       "0.1 is usual when fine-tuning.")


class ClassOptions(Options):
    """How classes count in the loss of a classifier."""

    label_smoothing: float = option(0.0, title="Label smoothing", group="Regularisation", ge=0, le=0.9,
                                    help="Share of the label that is spread over all classes; 0.1 is usual.")
    class_weights: Literal["none", "sqrt", "inverse"] = option(
        "none", title="Class weights", group="Regularisation",
        labels={"none": "None", "sqrt": "Square root", "inverse": "Inverse"},
        help="Rare classes count more: by one over their number of pictures, or one over its square root.")
    balanced: bool = option(False, title="Balanced sampling", group="Regularisation",
                            help="Every class is seen equally often in an epoch: rare ones repeat, of frequent ones "
                                 "a different part is taken each time.")

"""Options of augmentation: how training pictures are changed by chance. Described once, shown with a preview."""

from typing import Any, Literal

from pydantic import field_validator

from digits_core.options import Options, option

Flip = Literal["none", "lr", "ud", "both"]
Turns = Literal["none", "rot90", "rot180", "rotall"]


class AugmentOptions(Options):
    """What chance does to a training picture. Standard deviations and shifts are on pixels from 0 to 1."""

    flip: Flip = option("none", title="Flip", group="Augmentation",
                        labels={"none": "None", "lr": "Left-right", "ud": "Up-down", "both": "Both"},
                        help="Mirror half of the training pictures. Not for digits or letters.")
    turns: Turns = option("none", title="Quarter turns", group="Augmentation",
                          labels={"none": "None", "rot90": "0, 90, 270°", "rot180": "0, 180°", "rotall": "All four"},
                          help="Turn by one of these angles, each as likely; 90° needs square pictures or a crop.")
    rotation: float = option(0.0, title="Rotation (± degrees)", group="Augmentation", ge=0, le=180,
                             help="Any angle up to this; corners that open are filled with the average colour.")
    rescale: float = option(0.0, title="Rescale (stddev)", group="Augmentation", ge=0, le=1,
                            help="Zoom in or out at the same size, with a shift; 0.07 is usual.")
    noise: float = option(0.0, title="Noise (stddev)", group="Augmentation", ge=0, le=1,
                          help="White noise on every pixel; 0.03 is usual.")
    contrast: float = option(0.0, title="Contrast (factor)", group="Augmentation", ge=0, le=5,
                             help="Contrast times 1 minus to 1 plus this (never below 0); 0.8 is usual.")
    hsv: bool = option(False, title="Shift colours (HSV)", group="Augmentation",
                       help="Change hue, saturation and brightness of colour pictures.")
    hsv_hue: float = option(0.02, title="Hue (stddev)", group="Augmentation", ge=0, le=0.5, when={"hsv": [True]},
                            help="1 is once around the colour circle.")
    hsv_saturation: float = option(0.04, title="Saturation (stddev)", group="Augmentation", ge=0, le=1,
                                   when={"hsv": [True]})
    hsv_value: float = option(0.06, title="Brightness (stddev)", group="Augmentation", ge=0, le=1,
                              when={"hsv": [True]})

    @field_validator("flip", mode="before")
    @classmethod
    def _was_a_switch(cls, value: Any) -> Any:
        """Jobs made before there were four ways to flip hold true or false."""
        return {True: "lr", False: "none"}[value] if isinstance(value, bool) else value


class MixOptions(Options):
    """Pictures blended or pieced together with their labels."""

    mixup: float = option(0.0, title="Mixup (alpha)", group="Augmentation", ge=0, le=10,
                          help="Blend pairs of pictures and their labels; 0: off, 0.2 is usual.")
    cutmix: float = option(0.0, title="CutMix (alpha)", group="Augmentation", ge=0, le=10,
                           help="Paste a piece of another picture, labels by area; 0: off, 1 is usual. With mixup too, "
                                "each batch gets one of the two.")

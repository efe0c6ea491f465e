"""The form of a training in DIGITS as a table; rates and batch sizes may be several with commas between."""

from digits_core.api.digits.fields import Field

SOLVERS = {"sgd": "momentum", "nag": "nesterov"}
"""What DIGITS called SGD always had momentum."""
FLIPS = {"fliplr": "lr", "flipud": "ud", "fliplrud": "both"}
MEANS = {"true": "image", "1": "image", "y": "image", "false": "none", "0": "none", "n": "none"}
"""Once a switch, later a choice."""

POLICIES = (
    Field("lr_policy", "lr_policy"),
    Field("lr_step_size", "lr_step", when="lr_policy=step"),
    Field("lr_step_size", "lr_step", when="lr_policy="),
    Field("lr_step_gamma", "lr_gamma", when="lr_policy=step"),
    Field("lr_step_gamma", "lr_gamma", when="lr_policy="),
    Field("lr_multistep_values", "lr_steps", when="lr_policy=multistep", list=True),
    Field("lr_multistep_gamma", "lr_gamma", when="lr_policy=multistep"),
    Field("lr_exp_gamma", "lr_gamma", when="lr_policy=exp"),
    Field("lr_inv_gamma", "lr_gamma", when="lr_policy=inv"),
    Field("lr_inv_power", "lr_power", when="lr_policy=inv"),
    Field("lr_poly_power", "lr_power", when="lr_policy=poly"),
    Field("lr_sigmoid_step", "lr_step", when="lr_policy=sigmoid", default=50),
    Field("lr_sigmoid_gamma", "lr_gamma", when="lr_policy=sigmoid"),
)

TRAINING = (
    Field("task", "task"),
    Field("train_epochs", "epochs"),
    Field("snapshot_interval", "snapshot_interval"),
    Field("val_interval", "val_interval"),
    Field("random_seed", "seed"),
    Field("batch_size", "batch_size", sweep=True),
    Field("batch_accumulation", "accumulation"),
    Field("solver_type", "solver", {name: SOLVERS.get(name, name) for name in (
        "sgd", "nag", "momentum", "nesterov", "adagrad", "adadelta", "adam", "rmsprop")}),
    Field("rms_decay", "rms_decay"),
    Field("learning_rate", "learning_rate", sweep=True),
    *POLICIES,
    Field("shuffle", "shuffle"),
    Field("use_mean", "mean", MEANS),
    Field("crop_size", "crop"),
    Field("aug_flip", "flip", FLIPS),
    Field("aug_quad_rot", "turns"),
    Field("aug_rot", "rotation"),
    Field("aug_scale", "rescale"),
    Field("aug_noise", "noise"),
    Field("aug_contrast", "contrast"),
    Field("aug_hsv_use", "hsv"),
    Field("aug_hsv_h", "hsv_hue"),
    Field("aug_hsv_s", "hsv_saturation"),
    Field("aug_hsv_v", "hsv_value"),
    Field("select_gpu_count", "gpu_count"),
    Field("select_gpus_list", "gpu_list", list=True),
)
SINGLE_FILES = (
    Field("image_type", "image_type", {"1": "gray", "3": "color", "grayscale": "gray"}),
    Field("resize_mode", "resize_mode", {"half_crop": "half"}),
    Field("width", "width"),
    Field("height", "height"),
    Field("network", "network"),
)
UPLOADS = {"weights_file": "file", "model_def_file": "definition", "labels_file": "labels_file",
           "mean_file": "mean_file"}
"""A model in single files: of Caffe, or a state dict of a network that is known here (``network``)."""

PUBLISHING = (Field("description", "description"), Field("modality", "modality"))
FRAMEWORKS = ("caffe", "torch", "tensorflow", "pytorch")
"""All of them mean PyTorch."""

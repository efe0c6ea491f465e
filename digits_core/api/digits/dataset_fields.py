"""The forms of DIGITS' datasets as tables: class folders and lists, databases, and every extension it came with."""

from typing import NamedTuple

from digits_core.api.digits.fields import Field

SIZES = (Field("resize_width", "width"), Field("resize_height", "height"),
         Field("resize_mode", "resize_mode", {"half_crop": "half"}))
ENCODINGS = {"jpg": "jpeg"}
CHANNELS = {"1": "gray", "3": "color"}
CONVERSIONS = {"rgb": "color", "l": "gray", "none": "color"}

CLASSIFICATION = (
    *SIZES,
    Field("resize_channels", "channels", CHANNELS),
    Field("encoding", "encoding", ENCODINGS),
    Field("method", "method", {"textfile": "text"}),
    Field("folder_train", "folder"),
    Field("folder_pct_val", "val_percent"),
    Field("folder_pct_test", "test_percent"),
    Field("folder_train_min_per_class", "min_per_class", blank=1),
    Field("folder_train_max_per_class", "max_per_class"),
    Field("folder_val", "val_folder", when="has_val_folder", required=True),
    Field("folder_test", "test_folder", when="has_test_folder", required=True),
    Field("textfile_local_train_images", "train_list", when="textfile_use_local_files"),
    Field("textfile_local_val_images", "val_list", when="textfile_use_local_files"),
    Field("textfile_local_test_images", "test_list", when="textfile_use_local_files"),
    Field("textfile_local_labels_file", "labels_file", when="textfile_use_local_files"),
    Field("textfile_train_folder", "image_folder"),
    Field("s3_bucket", "folder", when="method=s3", required=True),
    Field("s3_endpoint_url", "s3_endpoint", when="method=s3"),
    Field("s3_credentials", "s3_credentials", when="method=s3"),
    Field("s3_keepcopiesondisk", "s3_keep", when="method=s3"),
    Field("s3_pct_val", "val_percent", when="method=s3"),
    Field("s3_pct_test", "test_percent", when="method=s3"),
    Field("s3_train_min_per_class", "min_per_class", when="method=s3", blank=1),
    Field("s3_train_max_per_class", "max_per_class", when="method=s3"),
)
LISTS = {"textfile_train_images": "train_list", "textfile_val_images": "val_list",
         "textfile_test_images": "test_list", "textfile_labels_file": "labels_file"}
"""Uploads of text files, and the options they stand for."""

PREBUILT = (
    Field("prebuilt_train_images", "features_db", required=True),
    Field("prebuilt_train_labels", "labels_db"),
    Field("prebuilt_val_images", "val_features_db"),
    Field("prebuilt_val_labels", "val_labels_db"),
    Field("force_same_shape", "same_shape"),
    Field("resize_channels", "channels", CHANNELS),
    *SIZES,
)

COMMON = (Field("dsopts_feature_encoding", "encoding", ENCODINGS), *SIZES)
"""What the page of every extension asked."""

IMAGES = (
    Field("folder_pct_val", "val_percent"),
    Field("channel_conversion", "channels", CONVERSIONS),
)


class Extension(NamedTuple):
    """A kind of dataset that DIGITS knew: the task it belongs to here, its fields, and what is fixed."""

    task: str
    fields: tuple[Field, ...]
    fixed: dict[str, str] = {}  # noqa: RUF012  a default that nobody changes


EXTENSIONS = {
    "image-object-detection": Extension("detection", (
        *COMMON,
        Field("train_image_folder", "folder"),
        Field("train_label_folder", "label_folder"),
        Field("val_image_folder", "val_folder"),
        Field("val_label_folder", "val_label_folder"),
        Field("resize_image_width", "width"),
        Field("resize_image_height", "height"),
        Field("padding_image_width", "pad_width"),
        Field("padding_image_height", "pad_height"),
        Field("channel_conversion", "channels", CONVERSIONS),
        Field("val_min_box_size", "min_val_box"),
        Field("custom_classes", "classes"))),
    "image-segmentation": Extension("segmentation", (
        *COMMON, *IMAGES,
        Field("feature_folder", "images"),
        Field("label_folder", "labels"),
        Field("validation_feature_folder", "val_images", when="has_val_folder", required=True),
        Field("validation_label_folder", "val_labels", when="has_val_folder", required=True),
        Field("class_labels_file", "labels_file"),
        Field("colormap_method", "colour_map", {"textfile": "file"}),
        Field("colormap_text_file", "colour_map_file"))),
    "image-sunnybrook": Extension("segmentation", (
        *COMMON, *IMAGES,
        Field("image_folder", "images"),
        Field("contour_folder", "labels")), {"method": "contours", "channels": "gray"}),
    "image-processing": Extension("processing", (
        *COMMON, *IMAGES,
        Field("feature_folder", "folder"),
        Field("label_folder", "wanted_folder"),
        Field("validation_feature_folder", "val_folder", when="has_val_folder", required=True),
        Field("validation_label_folder", "val_wanted_folder", when="has_val_folder", required=True))),
    "image-gradients": Extension("regression", (
        *COMMON,
        Field("image_width", "width"),
        Field("image_height", "height")), {"method": "gradients", "channels": "gray", "width": "50", "height": "50"}),
    "text-classification": Extension("text", (
        Field("train_data_file", "table"),
        Field("val_data_file", "val_table"),
        Field("alphabet", "alphabet"),
        Field("class_labels_file", "labels_file"),
        Field("max_chars_per_sample", "length"))),
}
GONE = {
    "image-gan": "Generators learn from classification datasets here: make one of those, then a model with "
                 "task=generation.",
    "text-babi": "Answering questions about stories is not among the tasks here.",
}
"""Extensions of DIGITS without a counterpart, and what to do instead."""

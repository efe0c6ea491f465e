"""Caffe's files as protobuf messages: the few fields that matter here, described in code.

Numbers and names of fields are those of Caffe's published format. Weights are ``bytes`` here, because a packed list of
numbers is on the wire what bytes are: nothing is unpacked one by one, and nothing allocated that is not in the file.
"""

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory, text_format

from digits_core.errors import BadData

Field = descriptor_pb2.FieldDescriptorProto
TYPES = {"int": Field.TYPE_INT64, "float": Field.TYPE_FLOAT, "bool": Field.TYPE_BOOL, "str": Field.TYPE_STRING,
         "bytes": Field.TYPE_BYTES}
POOL, PHASE = "MAX|AVE|STOCHASTIC", "TRAIN|TEST"
OLD_TYPES = {
    "ABSVAL": "AbsVal", "ACCURACY": "Accuracy", "ARGMAX": "ArgMax", "BNLL": "BNLL", "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss", "CONVOLUTION": "Convolution", "DATA": "Data",
    "DECONVOLUTION": "Deconvolution", "DROPOUT": "Dropout", "DUMMY_DATA": "DummyData",
    "EUCLIDEAN_LOSS": "EuclideanLoss", "ELTWISE": "Eltwise", "EXP": "Exp", "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output", "HINGE_LOSS": "HingeLoss", "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData", "INFOGAIN_LOSS": "InfogainLoss", "INNER_PRODUCT": "InnerProduct", "LRN": "LRN",
    "MEMORY_DATA": "MemoryData", "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss", "MVN": "MVN",
    "POOLING": "Pooling", "POWER": "Power", "RELU": "ReLU", "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss", "SILENCE": "Silence", "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss", "SPLIT": "Split", "SLICE": "Slice", "TANH": "TanH",
    "WINDOW_DATA": "WindowData", "THRESHOLD": "Threshold"}
"""Types of layers in files of 2014, and what they have been called since."""
MESSAGES = {
    "BlobShape": "dim:1*int",
    "BlobProto": "num:1:int channels:2:int height:3:int width:4:int data:5*bytes shape:7:BlobShape "
                 "double_data:8*bytes",
    "NetStateRule": f"phase:1:{PHASE} min_level:2:int max_level:3:int stage:4*str not_stage:5*str",
    "Transformation": "scale:1:float crop_size:3:int mean_value:5*float",
    "Convolution": "num_output:1:int bias_term:2:bool pad:3*int kernel_size:4*int group:5:int stride:6*int pad_h:9:int "
                   "pad_w:10:int kernel_h:11:int kernel_w:12:int stride_h:13:int stride_w:14:int axis:16:int "
                   "dilation:18*int",
    "Pooling": f"pool:1:{POOL} kernel_size:2*int stride:3*int pad:4*int kernel_h:5:int kernel_w:6:int stride_h:7:int "
               "stride_w:8:int pad_h:9:int pad_w:10:int global_pooling:12:bool round_mode:13:CEIL|FLOOR "
               "ceil_mode:1000:bool",
    "InnerProduct": "num_output:1:int bias_term:2:bool axis:5:int transpose:6:bool",
    "LRN": "local_size:1:int alpha:2:float beta:3:float norm_region:4:ACROSS_CHANNELS|WITHIN_CHANNEL k:5:float",
    "BatchNorm": "use_global_stats:1:bool moving_average_fraction:2:float eps:3:float scale_bias:7:bool",
    "Scale": "axis:1:int num_axes:2:int bias_term:4:bool",
    "Bias": "axis:1:int num_axes:2:int",
    "ReLU": "negative_slope:1:float",
    "PReLU": "channel_shared:2:bool",
    "ELU": "alpha:1:float",
    "Power": "power:1:float scale:2:float shift:3:float",
    "Dropout": "dropout_ratio:1:float",
    "Concat": "concat_dim:1:int axis:2:int",
    "Slice": "slice_dim:1:int slice_point:2*int axis:3:int",
    "Eltwise": "operation:1:PROD|SUM|MAX coeff:2*float",
    "Crop": "axis:1:int offset:2*int",
    "Softmax": "axis:2:int",
    "Flatten": "axis:1:int end_axis:2:int",
    "Reshape": "shape:1:BlobShape axis:2:int num_axes:3:int",
    "Interp": "height:1:int width:2:int zoom_factor:3:int shrink_factor:4:int pad_beg:5:int pad_end:6:int",
    "Input": "shape:1*BlobShape",
    "Layer": "name:1:str type:2:str bottom:3*str top:4*str blobs:7*BlobProto include:8*NetStateRule "
             "exclude:9*NetStateRule transform_param:100:Transformation concat_param:104:Concat "
             "convolution_param:106:Convolution dropout_param:108:Dropout eltwise_param:110:Eltwise "
             "inner_product_param:117:InnerProduct lrn_param:118:LRN pooling_param:121:Pooling power_param:122:Power "
             "relu_param:123:ReLU softmax_param:125:Softmax slice_param:126:Slice prelu_param:131:PReLU "
             "reshape_param:133:Reshape flatten_param:135:Flatten batch_norm_param:139:BatchNorm elu_param:140:ELU "
             "bias_param:141:Bias scale_param:142:Scale input_param:143:Input crop_param:144:Crop "
             "interp_param:1000:Interp",
    "OldLayer": f"bottom:2*str top:3*str name:4:str type:5:NONE|{'|'.join(OLD_TYPES)} blobs:6*BlobProto "
                "concat_param:9:Concat convolution_param:10:Convolution dropout_param:12:Dropout "
                "inner_product_param:17:InnerProduct lrn_param:18:LRN pooling_param:19:Pooling power_param:21:Power "
                "eltwise_param:24:Eltwise relu_param:30:ReLU slice_param:31:Slice include:32*NetStateRule "
                "exclude:33*NetStateRule transform_param:36:Transformation softmax_param:39:Softmax",
    "Net": "name:1:str layers:2*OldLayer input:3*str input_dim:4*int input_shape:8*BlobShape layer:100*Layer",
}
"""name:number:type; a star stands for many. Types in capitals are choices, counted from 0."""


@cache
def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe", syntax="proto2")
    for name, fields in MESSAGES.items():
        made = file.message_type.add(name=name)
        for text in fields.split():
            _add(made, text)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}")) for name in MESSAGES}


def _add(made: descriptor_pb2.DescriptorProto, text: str) -> None:
    many = "*" in text
    name, number, kind = text.replace("*", ":").split(":")
    field = made.field.add(name=name, number=int(number),
                           label=Field.LABEL_REPEATED if many else Field.LABEL_OPTIONAL)
    if kind in TYPES:
        field.type = TYPES[kind]
    elif "|" in kind:
        choices = made.enum_type.add(name=f"Of_{name}")
        for value, word in enumerate(kind.split("|")):
            choices.value.add(name=word, number=value)
        field.type, field.type_name = Field.TYPE_ENUM, f".caffe.{made.name}.Of_{name}"
    else:
        field.type, field.type_name = Field.TYPE_MESSAGE, f".caffe.{kind}"


def new(name: str) -> Any:
    """An empty message."""
    return _classes()[name]()


def from_text(text: str, what: str) -> Any:
    """The network that a .prototxt describes; what is not known is left out. Raises BadData with the place."""
    net = new("Net")
    try:
        text_format.Parse(text, net, allow_unknown_field=True)
    except RecursionError:
        raise BadData(f"{what} is no network of Caffe: its blocks are nested too deeply.") from None
    except (text_format.ParseError, ValueError, TypeError, AttributeError) as error:
        raise BadData(f"{what} is no network of Caffe: {_short(error)}.") from None
    return net


def from_bytes(data: bytes, name: str, what: str) -> Any:
    """The message ``name`` that a file holds. Raises BadData when it is damaged or of another kind."""
    found = new(name)
    try:
        found.ParseFromString(data)
    except (message.DecodeError, ValueError) as error:
        raise BadData(f"{what} is damaged, or no file of Caffe: {_short(error)}.") from None
    return found


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")

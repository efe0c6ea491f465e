"""The networks that DIGITS offered for Caffe, in the short form of caffe_files: facts of their papers.

``wide`` divides every number of outputs but the last, so that tests need not draw hundreds of megabytes.
"""

import re

LENET = """
Power scale data > scaled { scale: 0.0125 }
Convolution conv1 scaled { num_output: 20 kernel_size: 5 }
Pooling pool1 conv1 { kernel_size: 2 stride: 2 }
Convolution conv2 pool1 { num_output: 50 kernel_size: 5 }
Pooling pool2 conv2 { kernel_size: 2 stride: 2 }
InnerProduct ip1 pool2 { num_output: 500 }
ReLU relu1 ip1 > ip1
InnerProduct ip2 ip1 { num_output: 10 }
Softmax softmax ip2
"""
_FIVE = """
Convolution conv3 {before} {{ num_output: 384 kernel_size: 3 pad: 1 }}
ReLU relu3 conv3 > conv3
Convolution conv4 conv3 {{ num_output: 384 kernel_size: 3 pad: 1 group: 2 }}
ReLU relu4 conv4 > conv4
Convolution conv5 conv4 {{ num_output: 256 kernel_size: 3 pad: 1 group: 2 }}
ReLU relu5 conv5 > conv5
Pooling pool5 conv5 {{ kernel_size: 3 stride: 2 }}
"""
_DENSE = """
InnerProduct fc6 pool5 { num_output: 4096 }
ReLU relu6 fc6 > fc6
Dropout drop6 fc6 > fc6 { dropout_ratio: 0.5 }
InnerProduct fc7 fc6 > fc7 { num_output: 4096 }
ReLU relu7 fc7 > fc7
Dropout drop7 fc7 > fc7 { dropout_ratio: 0.5 }
InnerProduct fc8 fc7 { num_output: 1000 }
Softmax prob fc8
"""
_LRN = "{ local_size: 5 alpha: 0.0001 beta: 0.75 }"
ALEXNET = f"""
Convolution conv1 data {{ num_output: 96 kernel_size: 11 stride: 4 }}
ReLU relu1 conv1 > conv1
LRN norm1 conv1 {_LRN}
Pooling pool1 norm1 {{ kernel_size: 3 stride: 2 }}
Convolution conv2 pool1 {{ num_output: 256 kernel_size: 5 pad: 2 group: 2 }}
ReLU relu2 conv2 > conv2
LRN norm2 conv2 {_LRN}
Pooling pool2 norm2 {{ kernel_size: 3 stride: 2 }}
{_FIVE.format(before="pool2")}{_DENSE}"""
CAFFENET = f"""
Convolution conv1 data {{ num_output: 96 kernel_size: 11 stride: 4 }}
ReLU relu1 conv1 > conv1
Pooling pool1 conv1 {{ kernel_size: 3 stride: 2 }}
LRN norm1 pool1 {_LRN}
Convolution conv2 norm1 {{ num_output: 256 kernel_size: 5 pad: 2 group: 2 }}
ReLU relu2 conv2 > conv2
Pooling pool2 conv2 {{ kernel_size: 3 stride: 2 }}
LRN norm2 pool2 {_LRN}
{_FIVE.format(before="norm2")}{_DENSE}"""


def _inception(name: str, before: str, one: int, three: tuple[int, int], five: tuple[int, int], pool: int) -> str:
    at = f"inception_{name}/"

    def convolution(part: str, source: str, outputs: int, size: int) -> str:
        return (f"Convolution {at}{part} {source} {{ num_output: {outputs} kernel_size: {size} pad: {size // 2} }}\n"
                f"ReLU {at}relu_{part} {at}{part} > {at}{part}\n")

    return (convolution("1x1", before, one, 1) + convolution("3x3_reduce", before, three[0], 1)
            + convolution("3x3", f"{at}3x3_reduce", three[1], 3) + convolution("5x5_reduce", before, five[0], 1)
            + convolution("5x5", f"{at}5x5_reduce", five[1], 5)
            + f"Pooling {at}pool {before} {{ pool: MAX kernel_size: 3 stride: 1 pad: 1 }}\n"
            + convolution("pool_proj", f"{at}pool", pool, 1)
            + f"Concat {at}output {at}1x1 {at}3x3 {at}5x5 {at}pool_proj\n")


GOOGLENET = f"""
Convolution conv1/7x7_s2 data {{ num_output: 64 kernel_size: 7 stride: 2 pad: 3 }}
ReLU conv1/relu_7x7 conv1/7x7_s2 > conv1/7x7_s2
Pooling pool1/3x3_s2 conv1/7x7_s2 {{ kernel_size: 3 stride: 2 }}
LRN pool1/norm1 pool1/3x3_s2 {_LRN}
Convolution conv2/3x3_reduce pool1/norm1 {{ num_output: 64 kernel_size: 1 }}
ReLU conv2/relu_reduce conv2/3x3_reduce > conv2/3x3_reduce
Convolution conv2/3x3 conv2/3x3_reduce {{ num_output: 192 kernel_size: 3 pad: 1 }}
ReLU conv2/relu conv2/3x3 > conv2/3x3
LRN conv2/norm2 conv2/3x3 {_LRN}
Pooling pool2/3x3_s2 conv2/norm2 {{ kernel_size: 3 stride: 2 }}
{_inception("3a", "pool2/3x3_s2", 64, (96, 128), (16, 32), 32)}
{_inception("3b", "inception_3a/output", 128, (128, 192), (32, 96), 64)}
Pooling pool3/3x3_s2 inception_3b/output {{ kernel_size: 3 stride: 2 }}
{_inception("4a", "pool3/3x3_s2", 192, (96, 208), (16, 48), 64)}
{_inception("4b", "inception_4a/output", 160, (112, 224), (24, 64), 64)}
{_inception("4c", "inception_4b/output", 128, (128, 256), (24, 64), 64)}
{_inception("4d", "inception_4c/output", 112, (144, 288), (32, 64), 64)}
{_inception("4e", "inception_4d/output", 256, (160, 320), (32, 128), 128)}
Pooling pool4/3x3_s2 inception_4e/output {{ kernel_size: 3 stride: 2 }}
{_inception("5a", "pool4/3x3_s2", 256, (160, 320), (32, 128), 128)}
{_inception("5b", "inception_5a/output", 384, (192, 384), (48, 128), 128)}
Pooling pool5/7x7_s1 inception_5b/output {{ pool: AVE kernel_size: 7 stride: 1 }}
Dropout pool5/drop_7x7_s1 pool5/7x7_s1 > pool5/7x7_s1 {{ dropout_ratio: 0.4 }}
InnerProduct loss3/classifier pool5/7x7_s1 {{ num_output: 1000 }}
Softmax softmax loss3/classifier
"""


def _vgg(first_pad: int) -> str:
    text, before = "", "data"
    for stage, (count, width) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for number in range(1, count + 1):
            pad = first_pad if (stage, number) == (1, 1) else 1
            text += (f"Convolution conv{stage}_{number} {before} {{ num_output: {width} kernel_size: 3 pad: {pad} }}\n"
                     f"ReLU relu{stage}_{number} conv{stage}_{number} > conv{stage}_{number}\n")
            before = f"conv{stage}_{number}"
        text += f"Pooling pool{stage} {before} {{ pool: MAX kernel_size: 2 stride: 2 }}\n"
        before = f"pool{stage}"
    return text


VGG = _vgg(1) + _DENSE
_FULLY = """
Convolution fc6 pool5 {{ num_output: 4096 kernel_size: {0} }}
ReLU relu6 fc6 > fc6
Dropout drop6 fc6 > fc6 {{ dropout_ratio: 0.5 }}
Convolution fc7 fc6 {{ num_output: 4096 kernel_size: 1 }}
ReLU relu7 fc7 > fc7
Dropout drop7 fc7 > fc7 {{ dropout_ratio: 0.5 }}
Convolution score_fr fc7 {{ num_output: 21 kernel_size: 1 }}
"""
FCN32S = _vgg(100) + _FULLY.format(7) + """
Deconvolution upscore score_fr { num_output: 21 bias_term: false kernel_size: 64 stride: 32 }
Crop score upscore data { axis: 2 offset: 19 }
"""
FCN8S = _vgg(100) + _FULLY.format(7) + """
Deconvolution upscore2 score_fr { num_output: 21 bias_term: false kernel_size: 4 stride: 2 }
Convolution score_pool4 pool4 { num_output: 21 kernel_size: 1 }
Crop score_pool4c score_pool4 upscore2 { axis: 2 offset: 5 }
Eltwise fuse_pool4 upscore2 score_pool4c { operation: SUM }
Deconvolution upscore_pool4 fuse_pool4 { num_output: 21 bias_term: false kernel_size: 4 stride: 2 }
Convolution score_pool3 pool3 { num_output: 21 kernel_size: 1 }
Crop score_pool3c score_pool3 upscore_pool4 { axis: 2 offset: 9 }
Eltwise fuse_pool3 upscore_pool4 score_pool3c { operation: SUM }
Deconvolution upscore8 fuse_pool3 { num_output: 21 bias_term: false kernel_size: 16 stride: 8 }
Crop score upscore8 data { axis: 2 offset: 31 }
"""
FCN_ALEXNET = f"""
Power shift data > data_preprocessed {{ shift: -116.0 }}
Convolution conv1 data_preprocessed {{ num_output: 96 kernel_size: 11 stride: 4 pad: 100 }}
ReLU relu1 conv1 > conv1
Pooling pool1 conv1 {{ kernel_size: 3 stride: 2 }}
LRN norm1 pool1 {_LRN}
Convolution conv2 norm1 {{ num_output: 256 kernel_size: 5 pad: 2 group: 2 }}
ReLU relu2 conv2 > conv2
Pooling pool2 conv2 {{ kernel_size: 3 stride: 2 }}
LRN norm2 pool2 {_LRN}
{_FIVE.format(before="norm2")}{_FULLY.format(6)}
Deconvolution upscore score_fr {{ num_output: 21 group: 21 bias_term: false kernel_size: 63 stride: 32 }}
Crop score upscore data {{ axis: 2 offset: 18 }}
"""
RESIDUAL = """
Convolution conv1 data { num_output: 16 kernel_size: 3 stride: 2 pad: 1 bias_term: false }
BatchNorm bn1 conv1 > conv1 { eps: 0.0001 }
Scale scale1 conv1 > conv1 { bias_term: true }
ReLU relu1 conv1 > conv1
Convolution conv2 conv1 { num_output: 16 kernel_h: 3 kernel_w: 5 pad_h: 2 pad_w: 4 dilation: 2 bias_term: false }
BatchNorm bn2 conv2
Eltwise sum conv1 bn2 { operation: SUM coeff: 1 coeff: 0.5 }
PReLU prelu sum
Pooling pool prelu { pool: AVE kernel_size: 3 stride: 2 pad: 1 }
Slice cut pool > left right { axis: 1 slice_point: 4 }
ELU elu left { alpha: 0.7 }
TanH tanh right
Concat both tanh elu
Sigmoid gate both
Eltwise product gate both { operation: PROD }
LRN within product { local_size: 3 alpha: 0.5 beta: 0.75 norm_region: WITHIN_CHANNEL }
Pooling global within { pool: AVE global_pooling: true }
Flatten flat global
Dropout drop flat
InnerProduct fc drop { num_output: 7 }
AbsVal abs fc
"""


def narrow(lines: str, wide: int) -> str:
    """The network with every number of outputs but those of the answers divided, and groups as they are."""
    return re.sub(r"num_output: (\d+)", lambda found: found[0] if int(found[1]) in (21, 1000, 10)
                  else f"num_output: {int(found[1]) // wide}", lines)

"""Enumerations; the numbers are MindSpore's."""

from enum import Enum


class FmkType(Enum):
    """Frameworks that models come from. This release converts ONNX and MINDIR."""

    TF = 0
    CAFFE = 1
    ONNX = 2
    MINDIR = 3
    TFLITE = 4
    PYTORCH = 5


class ModelType(Enum):
    """Kinds of model files: MindIR (``.mindir``) and MindSpore Lite's (``.ms``)."""

    MINDIR = 0
    MINDIR_LITE = 4


class DataType(Enum):
    """Element types of tensors."""

    UNKNOWN = 0
    STRING = 12
    BOOL = 30
    INT8 = 32
    INT16 = 33
    INT32 = 34
    INT64 = 35
    UINT8 = 37
    UINT16 = 38
    UINT32 = 39
    UINT64 = 40
    FLOAT16 = 42
    FLOAT32 = 43
    FLOAT64 = 44
    BFLOAT16 = 45
    INVALID = 2147483647


class Format(Enum):
    """Meanings of a tensor's axes. A note for people: no computation depends on it."""

    DEFAULT = -1
    NCHW = 0
    NHWC = 1
    NHWC4 = 2
    HWKC = 3
    HWCK = 4
    KCHW = 5
    CKHW = 6
    KHWC = 7
    CHWK = 8
    HW = 9
    HW4 = 10
    NC = 11
    NC4 = 12
    NC4HW4 = 13
    NCDHW = 15
    NWC = 16
    NCW = 17
    NDHWC = 18
    NC8HW8 = 19


class ModelGroupFlag(Enum):
    """What the models of a :class:`ModelGroup` have in common."""

    SHARE_WEIGHT = 1
    SHARE_WORKSPACE = 2
    SHARE_WEIGHT_WORKSPACE = 3

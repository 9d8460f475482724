"""Converts the architecture of a model to JSON, and builds models from JSON of files that are not trusted."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lottery_tf.errors import DamagedFile, InputError, first_line
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.registry import choose
from lottery_tf.tickets import limits
from lottery_tf.tickets.limits import Limits, TooLarge

if TYPE_CHECKING:
    import keras

Shapes = dict[str, tuple[int, ...]]

MAX_DIMENSIONS = 8
INTEGER_TYPES = ("int32", "int64")  # types of counters, which are stored as float32 if that is exact
MAX_DEPTH = 60  # of an architecture's JSON: models inside models
MAX_NAME = 1000  # of a weight, a layer or any other text
NUMBERS = """
    bool float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64"""  # dtypes of arrays in a config

CLASSES = {  # module -> the classes in it that an architecture may contain; none of them runs code of the file
    "keras": "DTypePolicy Functional Sequential",
    "keras.src.models.functional": "Functional",
    "keras.layers": """
        Activation Add AdditiveAttention Attention Average AveragePooling1D AveragePooling2D AveragePooling3D
        BatchNormalization Bidirectional Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
        Conv3DTranspose Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout
        EinsumDense ELU Embedding Flatten GaussianDropout GaussianNoise GlobalAveragePooling1D
        GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
        GroupNormalization GroupedQueryAttention GroupQueryAttention GRU GRUCell Identity InputLayer
        LayerNormalization LeakyReLU LSTM LSTMCell Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum
        Minimum MultiHeadAttention Multiply Normalization PReLU Permute ReLU RepeatVector Rescaling Reshape
        RMSNormalization RNN SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D
        SpatialDropout2D SpatialDropout3D StackedRNNCells Subtract TimeDistributed UnitNormalization
        UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D""",
    "keras.initializers": """
        Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
        RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros""",
    "keras.regularizers": "L1 L1L2 L2 OrthogonalRegularizer",
    "keras.constraints": "MaxNorm MinMaxNorm NonNeg UnitNorm",
    "keras.src.ops.core": "Cast StopGradient",
    "keras.src.ops.math": "Erf Logsumexp Rsqrt",
    "keras.src.ops.nn": """
        Celu Elu Gelu HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid LogSoftmax Normalize Relu Relu6 Selu Sigmoid
        Silu Softmax Softplus Softsign""",
    "keras.src.ops.numpy": """
        Absolute Add Any BroadcastTo Clip Concatenate Cos Divide Einsum Equal Exp ExpandDims Expm1 Flip GetItem Greater
        GreaterEqual Less LessEqual Log Log1p LogicalAnd LogicalNot LogicalOr Matmul Max Maximum Mean Min Minimum
        Multiply Negative NotEqual OnesLike Pad Power Repeat Reshape Sin Split Sqrt Square Squeeze Stack Std Subtract
        Sum Swapaxes Take Tanh Tile Transpose TrueDivide Var Where ZerosLike""",
    "lottery_tf.layers": """
        MaskedConv1D MaskedConv1DTranspose MaskedConv2D MaskedConv2DTranspose MaskedConv3D MaskedConv3DTranspose
        MaskedDense MaskedDepthwiseConv1D MaskedDepthwiseConv2D MaskedEinsumDense MaskedEmbedding MaskedGRUCell
        MaskedLSTMCell MaskedSeparableConv1D MaskedSeparableConv2D MaskedSimpleRNNCell""",
}
CONTAINER = "lottery_tf>MaskedContainer"  # a layer of another class that holds masked layers
CONTAINERS = """
    MaskedBidirectional MaskedGroupedQueryAttention MaskedGRU MaskedLSTM MaskedMultiHeadAttention MaskedRNN
    MaskedSimpleRNN MaskedStackedRNNCells MaskedTimeDistributed"""
VALUES = ("__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__")  # what Keras writes for arguments of layers


def architecture_as_json(model: keras.Model) -> dict:
    """Describes a network of Table S1 by its name, and any other model by its configuration."""
    import keras

    from lottery_tf.models import networks

    if model.name in NETWORKS and isinstance(model, keras.Sequential):
        image_shape, classes = list(model.input_shape[1:]), model.output_shape[-1]
        layers = [layer.get_config() for layer in model.layers]
        if len(image_shape) == 3 and all(image_shape):
            twin = networks.build(model.name, tuple(image_shape), classes)
            if layers == [layer.get_config() for layer in twin.layers]:
                return {"network": model.name, "image_shape": image_shape, "classes": classes}
    return {"config": _config(model)}


def _config(model: keras.Model) -> dict:
    """Returns a model's architecture as JSON; raises InputError if a ticket file cannot hold it."""
    import keras

    try:
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(model), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"The architecture of {model.name!r} cannot be written as JSON: {error}.") from error
    for _, value in _walk(config):
        if isinstance(value, dict):
            value.pop("compile_config", None)  # the settings of its training are not part of the network
            if value.get("module") == "lottery_tf.masking.layers":
                value["module"] = "lottery_tf.layers"  # the name in ticket files since their first version
    check_config(config)
    return config


def build(architecture: dict, shapes: Shapes, allowed: Limits | None = None) -> keras.Model:
    """Builds the masked model of an architecture whose weights have these shapes, without memory for other weights.

    All weights are zero. `allowed` are the limits of the work of the model, or None.
    """
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks  # registers the masked layers as well
    from lottery_tf.tickets.bounded_building import bounded_building

    def build() -> keras.Model:
        if "network" in architecture:
            shape = tuple(architecture["image_shape"])
            return networks.build(architecture["network"], shape, architecture["classes"])
        return _deserialized(copy.deepcopy(architecture["config"]))  # Keras changes it while it builds

    with refusing():
        with bounded_building(sum(map(math.prod, shapes.values())), allowed):
            model = build()
        built_shapes = {name: tuple(v.shape) for name, v in model_weights.variables(model).items()}
        types = {variable.dtype for variable in model_weights.variables(model).values()}
    if built_shapes != shapes or not types <= {"float32", *INTEGER_TYPES}:
        raise InputError("The architecture's weights have other names, shapes or types than those that are stored.")
    if allowed is not None:
        with refusing():
            numbers, multiplications = limits.count_work(model)
        allowed.check_counts("The network", numbers=numbers, multiplications=multiplications)
    return model


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Turns the errors of Keras and TensorFlow about impossible configurations into InputError.

    Any other error is a bug in this package.
    """
    import tensorflow as tf

    kinds = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
    try:
        yield
    except TooLarge:
        raise
    except (*kinds, tf.errors.OpError) as error:
        raise InputError(f"The architecture cannot be built: {first_line(error):.300}") from error


def _deserialized(config: dict) -> keras.Model:
    """Returns the model of a configuration."""
    import keras

    if config["class_name"] != "Sequential":
        return keras.saving.deserialize_keras_object(config, safe_mode=True)
    # `deserialize_keras_object` would build the whole model anew with each of its layers.
    inner = config["config"]
    layers = [keras.saving.deserialize_keras_object(layer, safe_mode=True) for layer in inner["layers"]]
    model = keras.Sequential(layers, name=inner["name"])
    if not model.built and inner.get("build_input_shape"):
        model.build(tuple(inner["build_input_shape"]))
    return model


def check_architecture(architecture: dict, shapes: Shapes, allowed: Limits) -> None:
    """Raises InputError unless an architecture is a network of Table S1, or a configuration that is safe to build."""
    if architecture.keys() == {"config"}:
        check_config(architecture["config"], allowed)
        config = field(architecture, "config", dict)
        if config.get("class_name") not in ("Functional", "Sequential"):
            raise InputError("its architecture is not a Keras model")
        allowed.check_counts("its network", calls=limits.count_calls(config.get("config")))
        allowed.check_counts("its architecture", values=limits.count_reads(config))
        allowed.check_counts("its network", orthogonal=limits.count_orthogonal(config, shapes))
        return
    if architecture.keys() != {"network", "image_shape", "classes"}:
        raise InputError("its architecture is neither a network of Table S1 nor a Keras configuration")
    choose(NETWORKS, field(architecture, "network", str), "network")
    if len(shape_of(architecture["image_shape"])) != 3 or field(architecture, "classes", int) < 1:
        raise InputError("its network's image shape or number of classes is invalid")


def check_config(config: Any, allowed: Limits | None = None) -> None:
    """Raises InputError unless all classes in a Keras configuration are in `CLASSES`.

    Functions, lambdas, tensors and all other objects that Keras could make from a configuration are refused too.

    >>> check_config({"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None})
    Traceback (most recent call last):
    lottery_tf.errors.InputError: A ticket file cannot hold the class 'keras.layers.Lambda': only layers and ...
    """
    for count, (key, value) in enumerate(_walk(config), start=1):
        if allowed is not None:
            allowed.check_counts("its architecture", values=count)
        if isinstance(value, dict):
            _check_record(value, allowed)
        elif isinstance(value, str) and not (value.isprintable() and (key == "registered_name" or _is_harmless(value))):
            raise InputError(f"A ticket file cannot hold {value!r:.100}: names have to be printable, without '>'.")
        elif isinstance(value, str) and len(value) > MAX_NAME:
            raise InputError(f"A ticket file cannot hold {value!r:.100}...: it has more than {MAX_NAME} characters.")


def _check_record(record: dict, allowed: Limits | None) -> None:
    """Raises InputError for an object that Keras must not make, or for which it would take much memory."""
    if "class_name" in record:
        _check_class(record)
    if record.get("stateful"):
        raise InputError("A ticket file cannot hold a stateful recurrent layer: its states are not weights.")
    if allowed is not None:
        for _, shape in _walk(record.get("build_config")):
            if isinstance(shape, list) and all(size is None or type(size) is int for size in shape):
                allowed.check_counts("its network", numbers=limits.size_of(shape))


def _is_harmless(value: str) -> bool:
    """Returns whether a text cannot name a registered class, "package>name"; "ab,bc->ac", for example, cannot."""
    return ">" not in value or re.fullmatch("[A-Za-z.,]+->[A-Za-z.]*", value) is not None


def _check_class(record: dict) -> None:
    """Raises InputError if a record's class is not one that can be rebuilt safely."""
    module, name = record.get("module"), record["class_name"]
    if name in VALUES and "module" not in record:
        _check_value(record)
        return
    known = isinstance(module, str) and isinstance(name, str) and name in CLASSES.get(module, "").split()
    registered: tuple = (f"lottery_tf>{name}",) if module == "lottery_tf.layers" else (None, name)
    if module == "lottery_tf.layers" and isinstance(name, str) and name in CONTAINERS.split():
        known, registered = True, (CONTAINER,)
    if not known or "registered_name" not in record or record["registered_name"] not in registered:
        raise InputError(
            f"A ticket file cannot hold the class {_shown_class(record)!r:.100}: only layers and operations of Keras "
            "can be rebuilt safely, and no functions."
        )
    if record.get("compile_config"):
        raise InputError("A ticket file cannot hold how a model is trained.")


def _check_value(record: dict) -> None:
    """Raises InputError for an array that holds anything but numbers: one type of text takes any amount of memory."""
    config = record.get("config")
    dtype = config.get("dtype") if isinstance(config, dict) else None
    if record["class_name"] == "__numpy__" and not (isinstance(dtype, str) and dtype in NUMBERS.split()):
        raise InputError(f"A ticket file cannot hold an array of {dtype!r:.100}.")


def _shown_class(record: dict) -> str:
    """Returns the class of a layer as a user knows it: of a masked one, its own."""
    config = record.get("config")
    inner = config.get("layer") if record.get("registered_name") == CONTAINER and isinstance(config, dict) else None
    shown = inner if isinstance(inner, dict) else record
    return f"{shown.get('module') or shown.get('registered_name')}.{shown.get('class_name')}"


def _walk(tree: Any) -> Iterator[tuple[str | None, Any]]:
    """Yields every value in a JSON tree with its key; raises InputError if the tree is too deep."""
    pending = [(None, tree, 0)]
    while pending:
        key, value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise InputError(f"The architecture nests more than {MAX_DEPTH} levels deep.")
        yield key, value
        if isinstance(value, dict):
            pending += [(name, child, depth + 1) for name, child in value.items()]
        elif isinstance(value, list):
            pending += [(key, child, depth + 1) for child in value]


def field(record: dict, name: str, kind: type) -> Any:
    """Returns a field of the header. Its type must be exactly `kind`: True is not a whole number."""
    value = record.get(name)
    if type(value) is not kind:
        raise DamagedFile(f"its header has no {kind.__name__} {name!r:.100}")
    return value


def shape_of(value: Any) -> tuple[int, ...]:
    """Returns a shape from a file's header; raises DamagedFile unless it is a short list of whole numbers above 0."""
    if type(value) is not list or len(value) > MAX_DIMENSIONS or not all(type(n) is int and n > 0 for n in value):
        raise DamagedFile(f"{value!r:.100} is not a shape")
    return tuple(value)

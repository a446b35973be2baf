"""What an artifact's bytes are: compressed as a store ships them, and weights apart from the graph."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import zstandard

ZSTD_LEVEL = 19
"""The highest before zstd's "ultra" levels, which ask more memory of whoever unpacks."""


def weigh(format_name: str, deployed: Path) -> dict[str, Any]:
    """Give zstd_bytes and weights_bytes of the part that is deployed, a file or a folder.

    weights_bytes: what the stored tensors take in this format; null where they can't be told from the graph.
    """
    files = [deployed] if deployed.is_file() else [path for path in sorted(deployed.rglob("*")) if path.is_file()]
    return {
        "zstd_bytes": sum(_zstd_size(file) for file in files),
        "weights_bytes": weights_bytes(format_name, deployed),
    }


def weights_bytes(format_name: str, deployed: Path) -> int | None:
    """Count the bytes of the tensors that are stored in an artifact; None where its format doesn't tell."""
    if format_name in ("torchscript", "lite-interpreter"):
        return _in_zip(deployed)
    if format_name == "savedmodel":
        return _in_saved_model(deployed)
    if format_name.startswith("tflite-"):
        return _in_flatbuffer(deployed.read_bytes())
    if format_name == "onnx":
        return _in_onnx(deployed)
    return None  # executorch: XNNPACK's part of a .pte holds weights, packed, and graph in one


def _zstd_size(path: Path) -> int:
    # A size known beforehand goes into the frame, as every packer that reads a file does it.
    return len(zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(path.read_bytes()))


def _in_zip(path: Path) -> int:
    """Sum the entries in which PyTorch keeps tensors, each stored without compression.

    They are NAME/data/N and NAME/constants/N; in the lite interpreter's files N has .storage behind it.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    return sum(e.file_size for e in entries if re.fullmatch(r"[^/]+/(data|constants)/\d+(\.storage)?", e.filename))


def _in_flatbuffer(content: bytes) -> int:
    """Sum the buffers that tensors of any subgraph refer to, each once: metadata isn't among them."""
    from tensorflow.lite.python.schema_py_generated import Model

    model = Model.GetRootAs(content, 0)
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    used = {graph.Tensors(i).Buffer() for graph in graphs for i in range(graph.TensorsLength())}
    buffers = [model.Buffers(i) for i in used]
    # A model of more than 2 GB keeps its buffers behind the flatbuffer, with offset and size.
    return sum(buffer.DataLength() or buffer.Size() for buffer in buffers)


def _in_saved_model(folder: Path) -> int:
    """Sum constants of the graph and its functions, and variables."""
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    stored = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    graphs = [meta.graph_def for meta in stored.meta_graphs]
    nodes = [graph.node for graph in graphs] + [f.node_def for graph in graphs for f in graph.library.function]
    total = sum(_stored_bytes(node) for of_one in nodes for node in of_one if node.op == "Const")
    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    types = reader.get_variable_to_dtype_map()
    shapes = reader.get_variable_to_shape_map()
    sizes = {name: types[name].size * int(tf.TensorShape(shape).num_elements()) for name, shape in shapes.items()}
    return total + sum(size for name, size in sizes.items() if types[name] != tf.string)  # strings: the object graph


def _stored_bytes(node: Any) -> int:
    """Count what a constant's values take: a tensor of one repeated value stores it once."""
    tensor = type(node.attr["value"].tensor)()
    tensor.CopyFrom(node.attr["value"].tensor)
    if tensor.tensor_content:
        return len(tensor.tensor_content)
    tensor.ClearField("dtype")
    tensor.ClearField("tensor_shape")
    return tensor.ByteSize()


def _in_onnx(path: Path) -> int:
    """Sum initializers and the tensors of Constant nodes, also those in files beside the model."""
    import onnx

    model = onnx.load(str(path / "model.onnx") if path.is_dir() else str(path))
    graphs = [model.graph, *model.functions]
    tensors = list(model.graph.initializer)
    tensors += [a.t for graph in graphs for node in graph.node for a in node.attribute if a.HasField("t")]
    return sum(len(tensor.raw_data) or onnx.numpy_helper.to_array(tensor).nbytes for tensor in tensors)

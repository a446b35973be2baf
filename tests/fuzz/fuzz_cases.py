"""Requests that nobody should send: half right, bent, cut, repeated. The same for the same random numbers."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from safetensors.numpy import save

from bakeoff.schema import Model, TensorSpec
from bakeoff.wire import WIRES
from bakeoff.wire.proto.tfserving_pb2 import PredictRequest
from bakeoff.wire.proto.torchserve_pb2 import PredictionsRequest

JSON, RAW, SAFETENSORS = "application/json", "application/octet-stream", "application/x-safetensors"
NUMBERS = (0, -1, 1, 255, 2**31, -(2**31), 2**53 + 1, 2**63, -(2**63), 2**64, 10**40, 0.5, -0.0, 1e-320, 1e39, 1e308)
TOKENS = ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 5000, "0" * 100, "01", "1.", "+1", "0x1f", "nul")
TEXTS = ("", "a", "\0", "\ud800", "../../etc/passwd", "<script>", "\x1b[31m", "é" * 50, "A" * 3000, "serving_default")
SIZES = (0, 1, 2, 8, 64, -1, 255, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, -(2**63))
INSERTED = (b"\0", b"\xff" * 9, b"[", b"{", b'"', b"\\u0000", b"\xed\xa0\x80", b",", b"NaN")
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI", "get", "", "A" * 99)
HEADERS = (
    "Content-Type: application/json",
    "Content-Type: text/html; charset=\xff",
    "Content-Type: " + "a/" * 500,
    "Content-Length: 5",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999999",
    "Content-Length: 1e3",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "Content-Encoding: gzip",
    "Expect: 100-continue",
    "Expect: nothing",
    "Connection: close",
    "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13",
    "Host: a\r\nHost: b",
    "X: \0",
    " folded: yes",
    ": no name",
    "no colon",
    "Range: bytes=0-1",
    "If-None-Match: *",
    "Authorization: Bearer \xff\xfe",
    "X-Forwarded-For: ${jndi:ldap://127.0.0.1/a}",
    "Accept: " + ",".join(["*/*"] * 500),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One request: over HTTP with a method, a path and headers, over gRPC with a method's path, or as raw bytes."""

    kind: str
    body: bytes
    path: str = ""
    method: str = "POST"
    headers: tuple[str, ...] = field(default=())


def draw_case(random: Random, model: Model, wires: tuple[str, ...]) -> Case:
    """Return a request for a server that speaks these wires."""
    wire = random.choice(wires)
    path = WIRES[wire].path(model.name)
    draw = random.random()
    if draw < 0.15:
        return Case("raw", draw_head(random, model, path))
    if WIRES[wire].protocol == "grpc":
        message = draw_predict(random, model) if wire.startswith("tfserving") else draw_predictions(random, model)
        if random.random() < 0.4:
            message = bend(random, message)
        framed = b"\0" + len(message).to_bytes(4, "big") + message
        return Case("grpc", bend(random, framed) if random.random() < 0.05 else framed, path)
    if WIRES[wire].protocol == "rest":
        body, media_type = draw_json(random, model), JSON
    elif random.random() < 0.3:
        body, media_type = random.randbytes(random.choice((0, 1, 3, 4, 255, 256, 257, 512, 2560))), RAW
    else:
        body, media_type = draw_safetensors(random, model), SAFETENSORS
    if random.random() < 0.3:
        body = bend(random, body)
    if random.random() < 0.05:
        media_type = random.choice((JSON, RAW, SAFETENSORS, "", "text/plain", "application/json;charset=utf-16"))
    if random.random() < 0.05:
        path = bend(random, path.encode()).decode("latin-1").translate({code: "_" for code in (*range(33), 127)})
    return Case("rest", body, path or "/", "POST", (f"Content-Type: {media_type}",))


def bend(random: Random, data: bytes) -> bytes:
    """Return bytes with a few changes: bits, bytes, cuts, repeats, insertions."""
    bent = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        at = random.randrange(len(bent) + 1)
        end = min(len(bent), at + random.choice((1, 2, 4, 8, 50)))
        what = random.randrange(6)
        if what == 0 and at < len(bent):
            bent[at] ^= 1 << random.randrange(8)
        elif what == 1:
            del bent[at:end]
        elif what == 2:
            bent[at:at] = bytes(bent[at:end]) * random.choice((1, 2, 100))
        elif what == 3:
            del bent[at:]
        elif what == 4:
            bent[at:at] = random.choice(INSERTED)
        else:
            bent[at:end] = random.randbytes(end - at)
    return bytes(bent)


def draw_json(random: Random, model: Model) -> bytes:
    """Return a JSON request that is nearly right, or any JSON."""
    value = _tensor(random, model) if random.random() < 0.8 else _any_value(random)
    key = random.choice(("instances", "instances", "inputs", "input", ""))
    document: Any = {key: value}
    if random.random() < 0.2:
        document["signature_name"] = random.choice((*TEXTS, 1, None, []))
    if random.random() < 0.05:
        document["inputs"] = _any_value(random)
    if random.random() < 0.05:
        document = value
    text = json.dumps(document)
    while random.random() < 0.2:
        text = text.replace("0.25", random.choice((*TOKENS, '"a"', "true", "null", "[]", "{}")), 1)
    if random.random() < 0.02:
        depth = random.choice((20, 33, 70, 1000, 50_000))
        text = text.replace("0.25", "[" * depth + random.choice(("", "1" + "]" * depth)), 1)
    return text.encode("utf-8", random.choice(("surrogatepass", "replace")))


def draw_safetensors(random: Random, model: Model) -> bytes:
    """Return a safetensors file, right or with a header that lies."""
    arrays = {
        spec.name: np.zeros([random.choice((1, 3)), *(size or 1 for size in spec.shape[1:])], spec.dtype)
        for spec in model.inputs
    }
    body = save(arrays)
    if random.random() < 0.3:
        return body
    length = struct.unpack("<Q", body[:8])[0]
    header, data = json.loads(body[8 : 8 + length]), body[8 + length :]
    entry = header[random.choice(list(arrays))]
    change = random.randrange(5)
    if change == 0:
        entry["shape"] = [random.choice((*SIZES, 2**64 - 1, 0.5, "1", None)) for _ in range(random.randrange(6))]
    elif change == 1:
        entry["dtype"] = random.choice(("F64", "F16", "BF16", "I64", "BOOL", "U8", "F8_E4M3", "", 1, None))
    elif change == 2:
        entry["data_offsets"] = [random.choice(SIZES) for _ in range(random.randrange(4))]
    elif change == 3:
        header[random.choice(TEXTS)] = random.choice((entry, _any_value(random)))
    else:
        header = _any_value(random)
    packed = json.dumps(header).encode("utf-8", "replace")
    told = random.choice((len(packed), len(packed), len(packed), *SIZES)) % 2**64
    return struct.pack("<Q", told) + packed + data


def draw_predict(random: Random, model: Model) -> bytes:
    """Return a PredictRequest with right and wrong fields."""
    request = PredictRequest()
    if random.random() < 0.95:
        request.model_spec.name = model.name if random.random() < 0.9 else _text(random)
    if random.random() < 0.1:
        request.model_spec.version.value = random.choice((1, 0, -1, 2**63 - 1))
    if random.random() < 0.1:
        request.model_spec.signature_name = _text(random)
    if random.random() < 0.1:
        request.output_filter.append(random.choice((*(spec.name for spec in model.outputs), _text(random))))
    for spec in model.inputs:
        _fill_tensor(random, request.inputs[spec.name if random.random() < 0.95 else _text(random)], spec)
    return bytes(request.SerializeToString())


def _fill_tensor(random: Random, tensor: Any, spec: TensorSpec) -> None:
    tensor.dtype = 1 if random.random() < 0.8 else random.randrange(1, 24)
    shape = [random.choice((1, 2)), *(size or 1 for size in spec.shape[1:])]
    content = 4 * math.prod(shape)
    if random.random() < 0.2:
        shape = [random.choice((*SIZES, *shape)) for _ in range(random.choice((0, 1, 4, 4, 4, 33, 300)))]
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_shape.unknown_rank = random.random() < 0.03
    if random.random() < 0.6:
        tensor.tensor_content = bytes(content if random.random() < 0.7 else random.choice((0, 1, 4, content - 1)))
    if random.random() < 0.3:
        getattr(tensor, random.choice(("float_val", "double_val"))).extend([0.5] * random.choice((1, 64, 128, 1000)))
    if random.random() < 0.1:
        tensor.string_val.append(b"a" * 100)


def draw_predictions(random: Random, model: Model) -> bytes:
    """Return TorchServe's PredictionsRequest with a right or a wrong body."""
    request = PredictionsRequest(model_name=model.name if random.random() < 0.9 else _text(random))
    for key in random.choice((["body"], ["body"], ["body"], ["data"], [], ["body", "x"])):
        request.input[key] = random.choice((bytes(256), bytes(255), b"", bytes(512), draw_safetensors(random, model)))
    return bytes(request.SerializeToString())


def draw_head(random: Random, model: Model, path: str) -> bytes:
    """Return an HTTP request as bytes, whose head is odd."""
    body = draw_json(random, model)[:20_000]
    target = random.choice((path, path, "/", "*", "/metrics", "http://a/b", "//", path + "?a=%00", "/" + "a" * 70_000))
    headers = random.sample(HEADERS, random.choice((0, 1, 2, 4)))
    if random.random() < 0.5:
        headers.append(f"Content-Length: {len(body)}")
    version = random.choice(("HTTP/1.0", "HTTP/2.0", "HTTP/9", "", "FTP/1.1")) if random.random() < 0.2 else "HTTP/1.1"
    method = random.choice(METHODS) if random.random() < 0.3 else random.choice(("POST", "GET"))
    lines = [f"{method} {target} {version}", *headers, "", ""]
    request = random.choice(("\r\n", "\r\n", "\r\n", "\n")).join(lines).encode("latin-1") + body
    return bend(random, request) if random.random() < 0.3 else request


def _tensor(random: Random, model: Model) -> Any:
    spec = random.choice(model.inputs)
    shape = [random.choice((1, 1, 2)), *(size or 1 for size in spec.shape[1:])]
    if random.random() < 0.2:
        shape[random.randrange(len(shape))] = random.choice((0, 1, 3, 9))
    value: Any = np.full(shape, 0.25).tolist()
    if random.random() < 0.2:
        return [{spec.name if random.random() < 0.8 else _text(random): row} for row in value]
    return {spec.name: value} if random.random() < 0.1 else value


def _any_value(random: Random, depth: int = 0) -> Any:
    what = random.randrange(8 if depth < 4 else 6)
    if what < 2:
        return random.choice(NUMBERS)
    if what < 4:
        return random.choice(TEXTS)
    if what < 6:
        return random.choice((None, True, False, {"b64": "AA=="}, {"b64": "!"}))
    values = [_any_value(random, depth + 1) for _ in range(random.randrange(4))]
    return values if what == 6 else dict(zip(random.sample(TEXTS, len(values)), values, strict=True))


def _text(random: Random) -> str:
    return random.choice(TEXTS).encode("utf-8", "replace").decode()

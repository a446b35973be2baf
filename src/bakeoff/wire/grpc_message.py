"""gRPC's messages: protobuf, in a frame of a compressed flag and the length.

Source of the frame: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from bakeoff.wire.tensors import WireError

HEADER_BYTES = 5

MessageT = TypeVar("MessageT", bound=Message)


def parse(message_type: type[MessageT], body: bytes) -> MessageT:
    """Return the protobuf message that the bytes are; raises WireError."""
    message: MessageT = message_type()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise WireError(f"not a {message_type.__name__}: {error}") from error
    return message


def serialize(message: Message) -> bytes:
    """Return the same bytes for the same message every time."""
    body: bytes = message.SerializeToString(deterministic=True)
    return body


def frame(message: bytes) -> bytes:
    """Return the message in a frame, not compressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def unframe(body: bytes) -> bytes:
    """Return the one message of a unary call's body; raises WireError for anything else."""
    if len(body) < HEADER_BYTES:
        raise WireError(f"the reply has {len(body)} bytes; a gRPC message starts with {HEADER_BYTES}")
    if body[0] != 0:
        raise WireError("the reply is compressed, though nothing but plain messages was offered")
    length = int.from_bytes(body[1:HEADER_BYTES], "big")
    if length != len(body) - HEADER_BYTES:
        raise WireError(f"the gRPC frame says {length} bytes and holds {len(body) - HEADER_BYTES}")
    return body[HEADER_BYTES:]

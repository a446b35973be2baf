"""A request that can't be answered, with its status over both protocols."""

from __future__ import annotations


class RequestError(Exception):
    """What the caller is told: an HTTP status, the name of the gRPC status that means the same, and a text."""

    def __init__(self, http_status: int, grpc_status: str, message: str) -> None:
        # a JSON string of the request that the message quotes may hold surrogates
        super().__init__(message.encode("utf-8", "replace").decode())
        self.http_status = http_status
        self.grpc_status = grpc_status


def invalid(message: str) -> RequestError:
    return RequestError(400, "INVALID_ARGUMENT", message)


def failed_precondition(message: str) -> RequestError:
    return RequestError(400, "FAILED_PRECONDITION", message)


def not_found(message: str) -> RequestError:
    return RequestError(404, "NOT_FOUND", message)


def overloaded(waiting: int) -> RequestError:
    text = f"the server is busy: {waiting} requests wait already; try again later, or send fewer at a time"
    return RequestError(503, "RESOURCE_EXHAUSTED", text)


def crowded(held_bytes: int) -> RequestError:
    text = f"the server is busy: it holds bodies of {held_bytes:,} bytes already; try again later"
    return RequestError(503, "RESOURCE_EXHAUSTED", text)


def caller_gone() -> RequestError:
    return RequestError(499, "CANCELLED", "the caller has gone")  # nobody reads it; 499 is nginx's


def deadline_exceeded() -> RequestError:
    return RequestError(504, "DEADLINE_EXCEEDED", "the deadline was over before the prediction began")


def unsupported_encoding(encoding: str) -> RequestError:
    text = f"bodies are taken as they are, not with Content-Encoding {encoding[:40]!r}"
    return RequestError(415, "UNIMPLEMENTED", text)


def too_large(message: str) -> RequestError:
    return RequestError(413, "RESOURCE_EXHAUSTED", message)

"""The part of a Flask application that both Flask targets share: limits, metrics, errors as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from command_line import MAX_BODY_BYTES
from flask import Flask, Response, jsonify, request
from metrics import REQUESTS, metrics_page
from openapi import OPENAPI_PATH
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge

MAX_DRAINED_BYTES = 5 * MAX_BODY_BYTES
PREDICT_ENDPOINT = "predict"

ErrorBody = Callable[[int, str, str], dict[str, Any]]
"""Makes the JSON of an error from its HTTP status, its kind and its message."""


def create_base_app(error_body: ErrorBody, description: dict[str, Any]) -> Flask:
    """Make an application with GET /metrics and its OpenAPI description.

    The caller adds its routes, the predicting one as PREDICT_ENDPOINT.
    """
    app = Flask(__name__, static_folder=None)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(metrics_page(), content_type=CONTENT_TYPE_LATEST)

    @app.get(OPENAPI_PATH)
    def describe() -> Response:
        return jsonify(description)

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> tuple[Response, int]:
        message = error.description or error.name
        if isinstance(error, RequestEntityTooLarge):
            message = f"the largest request is {MAX_BODY_BYTES} bytes; send a smaller batch"
        code = error.code or 500
        return jsonify(error_body(code, error.name, message)), code

    @app.after_request
    def finish(response: Response) -> Response:
        size = response.calculate_content_length() or 0
        if size > MAX_BODY_BYTES:
            message = f"the reply has {size} bytes, the largest is {MAX_BODY_BYTES}; send a smaller batch"
            response = jsonify(error_body(413, RequestEntityTooLarge().name, message))
            response.status_code = 413
        if request.endpoint == PREDICT_ENDPOINT and request.method == "POST":
            REQUESTS.labels("rest", response.status_code).inc()
        return response

    return app


def read_body() -> bytes:
    """Read the request's body; 413 if it is too large, 400 if it breaks off."""
    # Not Flask's MAX_CONTENT_LENGTH: it cuts a chunked body at the limit and goes on as if that were all.
    stream = request.environ["wsgi.input"]
    try:
        body: bytes = stream.read(MAX_BODY_BYTES + 1)
    except OSError as error:  # gunicorn's, of chunks that end early or aren't any
        raise BadRequest(f"the body can't be read: {error}") from error
    if len(body) <= MAX_BODY_BYTES:
        return body
    # A connection closed with unread bytes is reset, and the client might never see the answer.
    left = MAX_DRAINED_BYTES
    while left > 0 and (chunk := stream.read(65_536)):
        left -= len(chunk)
    raise RequestEntityTooLarge

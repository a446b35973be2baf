"""The REST half of a Flask target: one application for every wire, with limits, metrics and errors as JSON."""

from __future__ import annotations

import exchange
from command_line import MAX_BODY_BYTES
from exchange import Wire
from flask import Flask, Response, jsonify, request
from flask_model import load
from metrics import REQUESTS, metrics_page
from openapi import OPENAPI_PATH
from prometheus_client import CONTENT_TYPE_LATEST
from request_error import RequestError, invalid, too_large
from werkzeug.exceptions import HTTPException

from bakeoff.wire.tensors import WireError

MAX_DRAINED_BYTES = 5 * MAX_BODY_BYTES
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def create_app(arguments: list[str]) -> Flask:
    """Load the model and make the application: gunicorn calls this in every worker."""
    wire, predict = load(arguments, "rest")
    app = Flask(__name__, static_folder=None)
    _refuse_in_the_wires_form(app, wire)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(metrics_page(), content_type=CONTENT_TYPE_LATEST)

    @app.get(OPENAPI_PATH)
    def describe() -> Response:
        return jsonify(wire.description)

    # One route for every method: what is wrong with a path or a method is for the wire to say.
    @app.route("/", methods=METHODS, provide_automatic_options=False)
    @app.route("/<path:path>", methods=METHODS, provide_automatic_options=False)
    def answer(path: str = "") -> Response:
        full_path = request.full_path.removesuffix("?")
        body = read_body() if request.method == "POST" else b""
        answered = wire.answer(exchange.Request(request.method, full_path, request.mimetype, body))
        if not isinstance(answered, exchange.Response):
            answered = answered(predict)
        return Response(answered.body, answered.status, content_type=answered.content_type)

    @app.after_request
    def finish(response: Response) -> Response:
        size = response.calculate_content_length() or 0
        if size > MAX_BODY_BYTES:
            message = f"the reply has {size} bytes, the largest is {MAX_BODY_BYTES}; send a smaller batch"
            response = refusal(wire, too_large(message))
        if request.method == "POST":
            REQUESTS.labels("rest", response.status_code).inc()
        return response

    return app


def _refuse_in_the_wires_form(app: Flask, wire: Wire) -> None:
    app.register_error_handler(RequestError, lambda error: refusal(wire, error))
    app.register_error_handler(WireError, lambda error: refusal(wire, invalid(str(error))))
    app.register_error_handler(
        HTTPException,
        lambda error: refusal(wire, RequestError(error.code or 500, "INTERNAL", error.description or error.name)),
    )


def refusal(wire: Wire, error: RequestError) -> Response:
    response = jsonify(wire.error_document(error))
    response.status_code = error.http_status
    return response


def read_body() -> bytes:
    """Read the request's body; raises RequestError if it is too large or breaks off."""
    # Not Flask's MAX_CONTENT_LENGTH: it cuts a chunked body at the limit and goes on as if that were all.
    stream = request.environ["wsgi.input"]
    try:
        body: bytes = stream.read(MAX_BODY_BYTES + 1)
    except OSError as error:  # gunicorn's, of chunks that end early or aren't any
        raise invalid(f"the body can't be read: {error}") from error
    if len(body) <= MAX_BODY_BYTES:
        return body
    # A connection closed with unread bytes is reset, and the client might never see the answer.
    left = MAX_DRAINED_BYTES
    while left > 0 and (chunk := stream.read(65_536)):
        left -= len(chunk)
    raise too_large(f"the largest request is {MAX_BODY_BYTES} bytes; send a smaller batch")

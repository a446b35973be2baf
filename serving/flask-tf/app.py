"""TF Serving's REST API in Flask: predict, model status and metadata."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from flask_app import PREDICT_ENDPOINT, create_base_app, read_body
from google.protobuf import json_format
from openapi import describe_tfserving
from rest_json import decode_inputs, decode_instances, encode_outputs, encode_predictions, parse_body
from saved_model import DEFAULT_SIGNATURE, SavedModel, ServingError, invalid
from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap

HTTP_STATUS = {"INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "NOT_FOUND": 404}
MODEL_AND_VERSION = r"([^/:]+)(?:/versions/([0-9]+)|/labels/([^/:]+))?"
PREDICT_PATH = re.compile(rf"/v1/models/{MODEL_AND_VERSION}:predict", re.IGNORECASE)
STATUS_PATH = re.compile(rf"/v1/models/{MODEL_AND_VERSION}(/metadata)?", re.IGNORECASE)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def create_app(model: str, model_dir: str, threads: int) -> Flask:
    """Load the model and make the application: gunicorn calls this in every worker."""
    served = SavedModel(model, Path(model_dir) / "savedmodel", threads, "rest")
    specs = served.specs(DEFAULT_SIGNATURE)
    description = describe_tfserving(model, specs["inputs"], specs["outputs"], binary=False)
    app = create_base_app(lambda code, kind, message: {"error": message}, description)

    # One route for every method: TF Serving answers 400 and not 405 to what it does not know.
    @app.route("/v1/models", methods=METHODS, provide_automatic_options=False)
    @app.route("/v1/models/", methods=METHODS, provide_automatic_options=False)
    @app.route("/v1/models/<path:rest>", methods=METHODS, provide_automatic_options=False, endpoint=PREDICT_ENDPOINT)
    def answer(rest: str = "") -> Response:
        path = request.full_path.removesuffix("?")  # a query is an error
        if request.method == "POST" and (match := PREDICT_PATH.fullmatch(path)):
            return _json(_predict(served, *_parse_model(match), read_body()))
        if request.method == "GET" and (match := STATUS_PATH.fullmatch(path)):
            name, version = _parse_model(match)
            return _json(_metadata(served, name, version) if match[4] else _status(served, name, version))
        if request.method == "GET" and path == "/v1/models":
            raise invalid("Missing model name in request.")
        raise invalid(f"Malformed request: {request.method} {path}")

    @app.errorhandler(ServingError)
    def refuse(error: ServingError) -> tuple[Response, int]:
        return jsonify(error=str(error)), HTTP_STATUS[error.code]

    return app


def _parse_model(match: re.Match[str]) -> tuple[str, int | None]:
    name, version, label = match.group(1, 2, 3)
    if label is not None and match.re is PREDICT_PATH:
        raise invalid(f"Unrecognized servable version label: {label}")
    return name, None if version is None else int(version)


def _predict(served: SavedModel, name: str, version: int | None, body: bytes) -> bytes:
    served.check(name, version)
    document = parse_body(body)
    signature = document.get("signature_name") or DEFAULT_SIGNATURE
    inputs = served.inputs(signature)
    if inputs is None:
        raise invalid(f'Serving signature name: "{signature}" not found in signature def')
    if "instances" in document:
        return encode_predictions(served.predict(signature, decode_instances(document["instances"], inputs)))
    return encode_outputs(served.predict(signature, decode_inputs(document["inputs"], inputs)))


def _status(served: SavedModel, name: str, version: int | None) -> bytes:
    served.check_status(name, version)
    status = {"error_code": "OK", "error_message": ""}
    versions = [{"version": str(served.version), "state": "AVAILABLE", "status": status}]
    return json.dumps({"model_version_status": versions}).encode()


def _metadata(served: SavedModel, name: str, version: int | None) -> bytes:
    served.check(name, version)
    signatures = json_format.MessageToDict(
        SignatureDefMap(signature_def=served.signature_defs),
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
    spec: dict[str, Any] = {"name": name, "signature_name": "", "version": str(served.version)}
    return json.dumps({"model_spec": spec, "metadata": {"signature_def": signatures}}).encode()


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")

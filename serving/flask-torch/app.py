"""TorchServe's REST inference API in Flask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request
from flask_app import PREDICT_ENDPOINT, create_base_app, read_body
from handler import JSON, BadRequest
from openapi import describe_torchserve
from predictor import Predictor, UnknownModel
from werkzeug.exceptions import BadRequest as HttpBadRequest
from werkzeug.exceptions import NotFound


def create_app(model: str, model_dir: str, threads: int) -> Flask:
    """Load the model and make the application: gunicorn calls this in every worker."""
    predictor = Predictor(model, Path(model_dir), threads, "rest")
    specs = json.loads((Path(model_dir) / "model.json").read_text(encoding="utf-8"))
    app = create_base_app(_error_body, describe_torchserve(model, specs["inputs"], specs["outputs"]))

    @app.get("/ping")
    def ping() -> Response:
        return jsonify(status="Healthy")

    @app.post("/predictions/<name>", endpoint=PREDICT_ENDPOINT)
    def predict(name: str) -> Response:
        body: Any = read_body()
        try:
            predictor.check_name(name)
            if request.mimetype == JSON:
                body = _parse_json(body)
            kind, reply = predictor.answer(request.mimetype, body)
            return Response(reply, content_type=kind)
        except UnknownModel as error:
            raise NotFound(str(error)) from error
        except BadRequest as error:
            raise HttpBadRequest(str(error)) from error

    return app


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"body is not valid JSON: {error}") from error


def _error_body(code: int, kind: str, message: str) -> dict[str, Any]:
    return {"code": code, "type": kind, "message": message}

"""What stands between both protocols and the engine: a place in the line, a thread, the prediction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

import orjson
from exchange import Predict, Response, RestPrediction, Wire
from grpc_app import Method
from http_app import HttpRequest
from openapi import OPENAPI_PATH
from prediction_queue import Caller, PredictionQueue


class Dataplane:
    """One wire's calls: predictions go through the queue, the rest is answered at once.

    REST predictions run in the pool, or `inline`, on the event loop itself.
    """

    def __init__(self, wire: Wire, queue: PredictionQueue, pool: Executor, inline: bool) -> None:
        self._wire = wire
        self._queue = queue
        self._pool = pool
        self._inline = inline
        self._description = orjson.dumps(wire.description)
        self.grpc_methods: dict[str, Method] = {
            path: partial(self._predict_over_grpc if method.predicts else self._answer_over_grpc, method.answer)
            for path, method in wire.grpc_methods.items()
        }

    async def respond(self, request: HttpRequest) -> Response:
        """Answer a REST request."""
        if (request.method, request.path) == ("GET", OPENAPI_PATH):
            return Response(self._description)
        answer = self._wire.answer(request)
        if isinstance(answer, Response):
            return answer
        with self._queue:
            return await self._predict_over_rest(request, answer)

    async def _predict_over_rest(self, request: HttpRequest, answer: RestPrediction) -> Response:
        if self._inline:
            caller = Caller(is_gone=request.caller_is_gone) if self._queue.is_crowded() else Caller()
            await asyncio.sleep(0)  # all that have come take their places before the first is answered
            return answer(self._predictor(caller))
        gone = asyncio.ensure_future(request.receive())
        try:
            predictor = self._predictor(Caller(is_gone=gone.done))
            return await asyncio.get_running_loop().run_in_executor(self._pool, answer, predictor)
        finally:
            gone.cancel()

    def _predict_over_grpc(self, answer: Callable[[bytes, Predict], bytes], message: bytes, caller: Caller) -> bytes:
        with self._queue:
            return answer(message, self._predictor(caller))

    def _answer_over_grpc(self, answer: Callable[[bytes, Predict], bytes], message: bytes, caller: Caller) -> bytes:
        return answer(message, self._predictor(caller))

    def _predictor(self, caller: Caller) -> Predict:
        return lambda arrays: self._queue.predict(arrays, caller)

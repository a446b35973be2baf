"""Measure grpcio under gevent in a Locust user that reports each call through an interceptor."""

# Importing locust patches the standard library for gevent, so it comes first.
import locust  # noqa: F401, I001

import time
from collections.abc import Callable
from typing import Any

import grpc
import grpc.experimental.gevent
from locust import User
from locust.env import Environment
from locust_users import measure_user
from measure import HOST, parse_job

grpc.experimental.gevent.init_gevent()
job = parse_job()


class Reporter(grpc.UnaryUnaryClientInterceptor):
    """Tells Locust of every call."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: bytes) -> Any:
        """Call and report."""
        start = time.perf_counter()
        call = continuation(details, request)
        response = call.result()
        self._environment.events.request.fire(
            request_type="grpc",
            name=details.method,
            response_time=(time.perf_counter() - start) * 1000,
            response_length=len(response),
            response=response,
            exception=None,
            context={},
        )
        return call


class GrpcUser(User):
    """A user with a channel of its own."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
        channel = grpc.insecure_channel(f"{HOST}:{job.port}", options=unlimited)
        self.call = grpc.intercept_channel(channel, Reporter(environment)).unary_unary(job.path)


measure_user(GrpcUser, lambda user: user.call(job.message), job)

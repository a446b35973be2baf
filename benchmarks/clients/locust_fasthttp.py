"""Measure Locust's FastHttpUser."""

from __future__ import annotations

from locust import FastHttpUser  # first: it patches the standard library
from locust_users import measure_user
from measure import parse_job

job = parse_job()
headers = {"content-type": "application/octet-stream"}


class RestUser(FastHttpUser):
    """A user of the floor server."""

    abstract = True


measure_user(RestUser, lambda user: user.client.post(job.path, data=job.message, headers=headers), job)

"""Measure a session of requests."""

from __future__ import annotations

import requests
from measure import HOST, closed_loop, parse_job, say

job = parse_job()
session = requests.Session()
session.trust_env = False
url = f"http://{HOST}:{job.port}{job.path}"


def send() -> None:
    """Send the request once."""
    response = session.post(url, data=job.message, headers={"content-type": "application/octet-stream"})
    response.raise_for_status()


say(closed_loop(send, job.seconds))

"""Imported by every Python of a load generator that has this folder on its path: has Locust's workers tell who sends.

Each caller that ran adds a line to the file USERS_FILE: its process, whether a user of the run was the greenlet that
ran it, and how many requests it recorded.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

if "--worker" in sys.orig_argv and "USERS_FILE" in os.environ:
    import gevent
    from locust import User, events

    @events.init.add_listener
    def watch(environment: Any, **_: Any) -> None:
        """Have callers say in which greenlet they run."""
        import callers  # not before the locustfile has made it importable

        for kind in (callers.ClosedCaller, callers.OpenCaller):
            kind.run = told(kind.run, environment.runner)

    def told(run: Any, runner: Any) -> Any:
        """Return a caller's `run` that adds its line."""

        def watched(caller: Any, begin_ns: int) -> Any:
            is_user = gevent.getcurrent() in runner.user_greenlets and isinstance(gevent.getcurrent().args[0], User)
            recorder = run(caller, begin_ns)
            line = {"process": os.getpid(), "is_user": is_user, "requests": len(recorder.samples)}
            with Path(os.environ["USERS_FILE"]).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            return recorder

        return watched

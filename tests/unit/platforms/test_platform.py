"""How every platform waits for a server: which canary comes when, what its start took, and why it failed."""

from __future__ import annotations

from typing import Any

import pytest

from bakeoff.errors import FormatUnsupported, TargetError, TargetFailed, TargetUnavailable
from bakeoff.platforms.platform import Platform, Prepared, Server, StartOptions
from bakeoff.platforms.programs import EX_DATAERR, EX_UNAVAILABLE
from bakeoff.platforms.table import PLATFORMS
from bakeoff.report.words import reason_text
from bakeoff.schema import Endpoint, Startup, Target, quoted

TARGET = Target("t", "none", "t", ("f",), ("tfserving-rest", "tfserving-grpc"), "p", unavailable_remedy="buy one")
ENDPOINTS = tuple(Endpoint(f"t-{kind}", "m", "t", "f", kind, f"tfserving-{kind}") for kind in ("rest", "grpc"))


class Scripted(Platform[Server]):
    """A platform whose clock goes on by a second a look, with ports and exit statuses as told."""

    NAME = "local"

    def __init__(self, listening: list[bool | None], *statuses: int | None) -> None:
        self.seconds, self.stopped = 0.0, False
        self._listening, self._statuses = listening, list(statuses)

    def now(self) -> float:
        self.seconds += 1.0
        return self.seconds

    def listens(self, server: Server) -> bool | None:
        return self._listening.pop(0) if len(self._listening) > 1 else self._listening[0]

    def exit_status(self, server: Server) -> int | None:
        return self._statuses.pop(0) if self._statuses else None

    def read_log(self, server: Server) -> str:
        return "loading\nthe last line"

    def stop(self, server: Server) -> None:
        self.stopped = True

    def _unused(self, *_: Any) -> Any:
        raise AssertionError("waiting needs none of this")

    resolve_cpus = export = prepare = run_check = run_timing = start = _unused
    pause = resume = read_usage = read_metrics = open_load = surroundings = _unused


class Unseen(Scripted):
    """A platform whose servers somebody else started."""

    STARTS = False


def server() -> Server:
    return Server(prepared=Prepared(TARGET), format="f", endpoints=ENDPOINTS, options=StartOptions(), started=0.0)


def test_no_canary_is_sent_before_the_ports_are_open() -> None:
    platform, waiting, asked = Scripted([False, False, True]), server(), []

    def canary(endpoint: Endpoint) -> str | None:
        assert waiting.listening_s is not None
        asked.append(endpoint.id)
        return "not yet" if len(asked) == 1 else None

    platform.wait_ready(waiting, canary)
    assert asked == ["t-rest", "t-rest", "t-grpc"] and not platform.stopped
    assert waiting.ready_seconds == platform.seconds
    assert waiting.startup == Startup(waiting.listening_s, platform.seconds - waiting.listening_s)


def test_where_ports_cannot_be_seen_only_answers_tell() -> None:
    platform, waiting = Scripted([None]), server()
    platform.wait_ready(waiting, lambda endpoint: None)
    assert waiting.startup == Startup(platform.seconds, 0.0)


def test_a_start_that_was_not_seen_has_no_times() -> None:
    platform, waiting = Unseen([None]), server()
    platform.wait_ready(waiting, lambda endpoint: None)
    assert (waiting.ready_seconds, waiting.startup) == (None, None)


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [
        (EX_UNAVAILABLE, TargetUnavailable, "the last line"),
        (EX_DATAERR, FormatUnsupported, "the last line"),
        (3, TargetFailed, "t ended with status 3 before it was ready: the last line"),
        (0, TargetFailed, "t ended with status 0 before it was ready"),
        (-9, TargetFailed, "t was ended by signal 9 before it was ready"),
    ],
)
def test_a_server_that_ends_is_told_by_its_status(status: int, error: type[TargetError], says: str) -> None:
    platform = Scripted([False], None, status, status)
    with pytest.raises(error) as failure:
        platform.wait_ready(server(), lambda endpoint: None)
    assert platform.stopped
    assert says in reason_text(failure.value.reason)
    remedy = quoted("buy one") if error is TargetUnavailable else None
    assert failure.value.remedy == remedy


def test_a_server_that_never_answers_fails_with_the_last_problem_and_its_log() -> None:
    platform = Scripted([True])
    with pytest.raises(TargetFailed) as failure:
        platform.wait_ready(server(), lambda endpoint: "no answer")
    reason = failure.value.reason
    assert (reason.code, reason.values["endpoint"], reason.values["problem"]) == ("not_ready", "t-rest", "no answer")
    assert str(reason.values["log"]).startswith("loading")
    assert platform.stopped


def test_each_platform_is_called_as_the_command_line_calls_it() -> None:
    assert {name: platform.NAME for name, platform in PLATFORMS.items()} == {name: name for name in PLATFORMS}

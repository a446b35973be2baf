"""What a caller keeps: every request, and of the answers those that differ."""

from __future__ import annotations

import recorder
from recorder import Recorder, joined

from bakeoff.wire import Reply

BEGIN = 5_000_000_000


def reply(body: bytes, at_ms: int = 0, status: str = "ok") -> Reply:
    start = BEGIN + at_ms * 1_000_000
    return Reply(body, status, start, start + 250_000, 1)


def test_times_count_from_the_trials_begin() -> None:
    kept = Recorder(BEGIN)
    kept.record(BEGIN + 1, reply(b"answer", at_ms=2), 3, 77)
    (row,) = kept.table().to_pylist()
    assert (row["intended_ns"], row["start_ns"], row["end_ns"]) == (1, 2_000_000, 2_250_000)
    assert (row["request"], row["request_bytes"], row["response_bytes"], row["connects"]) == (3, 77, 6, 1)
    assert (row["status"], row["answer"]) == ("ok", b"answer")


def test_a_distinct_answer_is_kept_once_and_every_row_points_at_its_own() -> None:
    kept = Recorder(BEGIN)
    for body in (b"a", b"b", b"a", b"a"):
        kept.record(BEGIN, reply(body), 0, 1)
    kept.record(BEGIN, reply(b"full", status="http_503"), 0, 1)
    rows = kept.table()
    assert rows["answer"].to_pylist() == [b"a", b"b", b"a", b"a", None]
    assert len(rows["answer"].chunk(0).dictionary) == 2


def test_a_server_that_never_repeats_itself_is_sampled_over_the_whole_trial() -> None:
    kept = Recorder(BEGIN)
    for number in range(1000):
        kept.record(BEGIN, reply(str(number).encode(), at_ms=10 * number), 0, 1)
    answers = [at for at, answer in enumerate(kept.table()["answer"].to_pylist()) if answer is not None]
    assert 0 <= recorder.KEEP_AT_ONCE + 10 * recorder.KEEP_A_SECOND - len(answers) <= 1
    assert max(answers) > 980 and min(answers) == 0


def test_callers_rows_are_joined() -> None:
    one, two = Recorder(BEGIN), Recorder(BEGIN)
    one.record(BEGIN + 2, reply(b"x"), 0, 1)
    two.record(BEGIN + 1, reply(b"y"), 0, 1)
    assert joined([one, two])["answer"].to_pylist() == [b"y", b"x"]

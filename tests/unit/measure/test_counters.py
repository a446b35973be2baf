"""Where time went, from pages written by hand: sums, differences, and everything that must give no time."""

from __future__ import annotations

import pytest

from bakeoff.measure.counters import (
    Exchange,
    add_up,
    break_down,
    read_settled,
)
from bakeoff.schema import Reason

OURS = """# HELP bakeoff_requests_total Requests by protocol and status
# TYPE bakeoff_requests_total counter
bakeoff_requests_total{{code="200",protocol="rest"}} {rest}.0
bakeoff_requests_total{{code="OK",protocol="grpc"}} {grpc}.0
bakeoff_queue_microseconds_count {all}.0
bakeoff_queue_microseconds_sum {queue}
bakeoff_compute_microseconds_count {all}.0
bakeoff_compute_microseconds_sum {compute}
"""
FLASK = """bakeoff_requests_total{{code="200",protocol="rest"}} {count}.0
bakeoff_inference_seconds_count{{protocol="rest"}} {count}.0
bakeoff_inference_seconds_sum{{protocol="rest"}} {seconds}
"""
TORCHSERVE = """# TYPE ts_inference_latency_microseconds counter
ts_inference_latency_microseconds{{uuid="a-b",model_name="m",hostname="h",}} {compute}
ts_queue_latency_microseconds{{uuid="a-b",model_name="m",hostname="h",}} {queue}
ts_inference_requests_total{{uuid="a-b",model_name="m",hostname="h",}} {count}.0
"""
TFSERVING = """# TYPE :tensorflow:serving:request_count counter
:tensorflow:serving:request_count{{model_name="m",status="OK"}} {count}
# TYPE :tensorflow:serving:request_latency histogram
:tensorflow:serving:request_latency_bucket{{model_name="m",API="Predict",entrypoint="REST",le="10"}} 0
:tensorflow:serving:request_latency_sum{{model_name="m",API="Predict",entrypoint="REST"}} {whole}
:tensorflow:serving:request_latency_count{{model_name="m",API="Predict",entrypoint="REST"}} {count}
:tensorflow:serving:runtime_latency_bucket{{model_name="m",API="Predict",runtime="TF1",le="+Inf"}} {count}
:tensorflow:serving:runtime_latency_sum{{model_name="m",API="Predict",runtime="TF1"}} {compute}
:tensorflow:serving:runtime_latency_count{{model_name="m",API="Predict",runtime="TF1"}} {count}
"""


def ours(rest: int, queue: float, compute: float, grpc: int = 2) -> str:
    return OURS.format(rest=rest, grpc=grpc, all=rest + grpc, queue=queue, compute=compute)


def test_series_are_added_up_over_their_labels() -> None:
    page = 'a{x="1"} 2\na{x="}"} 3e0\nb 4 1700000000000\n# a 9\n'
    assert add_up(page) == {"a": 5.0, "b": 4.0}


@pytest.mark.parametrize("page", ['a 2\nc{x="1"} nonsense\n', "<html></html>", 'a{x="', "\0", "{}{}"])
def test_a_page_that_is_no_prometheus_text_says_nothing(page: str) -> None:
    assert add_up(page) == {}


def test_our_own_servers_have_a_queue_and_a_computation() -> None:
    split = break_down(ours(3, 100, 1000), ours(13, 1100, 6000), Exchange("rest", 10, 2.0))
    assert (split.queue_ms, split.compute_ms, split.counted, split.reason) == (0.1, 0.5, 10, None)
    assert split.remainder_ms == pytest.approx(1.4)


def test_flask_has_no_queue_and_says_where_waiting_is() -> None:
    before, after = FLASK.format(count=2, seconds=0.5), FLASK.format(count=6, seconds=0.508)
    split = break_down(before, after, Exchange("rest", 4, 3.0))
    assert split.queue_ms is None and split.reason == Reason("no_queue_counted")
    assert split.compute_ms == pytest.approx(2.0) and split.remainder_ms == pytest.approx(1.0)


def test_torchserve_counts_times_of_rest() -> None:
    before = TORCHSERVE.format(count=1, queue=50.0, compute=4000.0)
    after = TORCHSERVE.format(count=6, queue=550.0, compute=9000.0)
    split = break_down(before, after, Exchange("binary", 5, 1.5))
    assert (split.queue_ms, split.compute_ms, split.counted, split.reason) == (0.1, 1.0, 5, None)
    assert split.remainder_ms == pytest.approx(0.4)


def test_torchserve_counts_only_the_requests_of_grpc() -> None:
    before = TORCHSERVE.format(count=1, queue=50.0, compute=4000.0)
    split = break_down(before, before.replace(" 1.0", " 6.0"), Exchange("grpc", 5, 1.5))
    assert (split.queue_ms, split.compute_ms, split.remainder_ms, split.counted) == (None, None, None, 5)
    assert split.reason == Reason("untimed", {"protocol": "grpc"})


def test_tensorflow_servings_histograms_give_means() -> None:
    before = TFSERVING.format(count=1, whole=900, compute=400)
    after = TFSERVING.format(count=11, whole=9900, compute=3400)
    split = break_down(before, after, Exchange("grpc", 10, 0.9))
    assert (split.queue_ms, split.counted, split.reason) == (None, 10, Reason("no_queue_counted"))
    assert split.compute_ms == pytest.approx(0.3) and split.remainder_ms == pytest.approx(0.6)


def test_a_series_that_was_not_there_before_began_at_nothing() -> None:
    split = break_down("", FLASK.format(count=4, seconds=0.008), Exchange("rest", 4, 3.0))
    assert split.compute_ms == pytest.approx(2.0)


@pytest.mark.parametrize("sent", [9, 11])
def test_another_number_of_requests_than_was_sent_gives_no_times(sent: int) -> None:
    split = break_down(ours(3, 100, 1000), ours(13, 1100, 6000), Exchange("rest", sent, 2.0))
    assert (split.queue_ms, split.compute_ms, split.remainder_ms, split.counted) == (None, None, None, 10)
    assert split.reason == Reason("counters_differ", {"series": "bakeoff_requests_total", "counted": 10, "sent": sent})


def test_requests_that_were_refused_before_the_computation_give_no_times() -> None:
    after = ours(13, 1100, 6000).replace("compute_microseconds_count 15.0", "compute_microseconds_count 14.0")
    split = break_down(ours(3, 100, 1000), after, Exchange("rest", 10, 2.0))
    assert split.compute_ms is None and split.reason == Reason(
        "counters_differ", {"series": "bakeoff_compute_microseconds_count", "counted": 9, "sent": 10}
    )


@pytest.mark.parametrize(
    ("before", "after", "mean_ms", "code"),
    [
        (None, ours(13, 1100, 6000), 2.0, "counters_unreadable"),
        (ours(3, 100, 1000), None, 2.0, "counters_unreadable"),
        ("up 1\n", "up 1\n", 2.0, "counters_unknown"),
        (ours(3, 100, 1000), ours(13, 1100, 6000), None, "requests_failed"),
        (ours(13, 1100, 6000), ours(3, 100, 1000), 2.0, "counters_restarted"),
    ],
)
def test_what_cannot_be_told_has_its_reason(
    before: str | None, after: str | None, mean_ms: float | None, code: str
) -> None:
    split = break_down(before, after, Exchange("rest", 10, mean_ms))
    assert (split.queue_ms, split.compute_ms, split.remainder_ms, split.reason) == (None, None, None, Reason(code))


def test_a_page_that_lags_behind_is_read_again() -> None:
    pages = iter([ours(12, 1, 1), ours(13, 2, 2), ours(13, 3, 3)])
    assert read_settled(lambda: next(pages), ours(3, 0, 0), 10) == ours(13, 2, 2)


def test_a_page_that_never_counts_all_is_taken_in_the_end() -> None:
    assert read_settled(lambda: ours(12, 1, 1), ours(3, 0, 0), 10) == ours(12, 1, 1)
    assert read_settled(lambda: None, ours(3, 0, 0), 10) is None

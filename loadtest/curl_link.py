"""Many requests at once through libcurl in one native thread, each on a connection of its own, as callers have.

libcurl's socket interface, told by epoll which sockets are ready: nothing is looked at that hasn't changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from select import EPOLLIN, EPOLLOUT

import native
import pycurl
from recorder import Recorder

from bakeoff.wire import Request
from bakeoff.wire.client import Call

SPIN_NS = 150_000
"""The last stretch before an arrival is waited awake: a sleep ends up to 0.1 ms late."""
LONGEST_WAIT_S = 1.0


class CurlLink:
    """Requests to one endpoint, recorded by `recorder` as they end. `spun_ns` is the time spent waiting awake.

    `number_of` says which of the requests an arrival sends.
    """

    def __init__(
        self, make_call: Callable[[], Call], requests: Sequence[Request], number_of: Callable[[int], int]
    ) -> None:
        self._make_call, self._requests, self._number_of = make_call, requests, number_of
        self.recorder = Recorder(0)
        self.in_flight = 0
        self.spun_ns = 0
        self._head_bytes = 0
        self._idle: list[Call] = []
        self._flying: dict[pycurl.Curl, tuple[Call, int, int, int]] = {}
        self._timer_ns: int | None = None
        self._watched: set[int] = set()
        self._epoll = native.epoll()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_NOTHING)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    @staticmethod
    def now() -> int:
        """Return the time on perf_counter_ns's clock."""
        return time.perf_counter_ns()

    def send(self, arrival: int, intended_ns: int) -> None:
        """Start the request of an arrival."""
        number = self._number_of(arrival)
        call = self._idle.pop() if self._idle else self._new_call()
        call.prepare(self._requests[number])
        self.in_flight += 1
        start_ns = time.perf_counter_ns()
        self._flying[call.curl] = (call, intended_ns, start_ns, number)
        self._multi.add_handle(call.curl)
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect()

    def wait(self, until_ns: int | None) -> None:
        """Wait until requests have ended or until a time, the last stretch awake; None: until any has ended."""
        before = self.in_flight
        while self.in_flight == before and (until_ns is None or time.perf_counter_ns() < until_ns):
            self._turn(until_ns)

    def close(self) -> None:
        """Close all connections."""
        for call, *_ in self._flying.values():
            self._multi.remove_handle(call.curl)
            call.close()
        for call in self._idle:
            call.close()
        self._multi.close()
        self._epoll.close()

    def _new_call(self) -> Call:
        call = self._make_call()
        call.head_bytes, call.pooled = self._head_bytes, True
        return call

    def _turn(self, until_ns: int | None) -> None:
        """Wait for sockets, libcurl's timer or `until_ns`, and let libcurl act on what is ready."""
        now = time.perf_counter_ns()
        wakes = [at for at in (self._timer_ns, None if until_ns is None else until_ns - SPIN_NS) if at is not None]
        wait_ns = min(wakes, default=now + round(LONGEST_WAIT_S * 1e9)) - now
        if wait_ns > 0:
            # epoll's own timeout has steps of 1 ms; select on its descriptor has microseconds.
            native.select([self._epoll], [], [], min(wait_ns / 1e9, LONGEST_WAIT_S))
        ready = self._epoll.poll(0)
        for descriptor, events in ready:
            mask = (events & EPOLLIN and pycurl.CSELECT_IN) | (events & EPOLLOUT and pycurl.CSELECT_OUT)
            self._multi.socket_action(descriptor, mask or pycurl.CSELECT_ERR)
        if self._timer_ns is not None and time.perf_counter_ns() >= self._timer_ns:
            self._timer_ns = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        if ready or wait_ns > 0:
            self._collect()
        else:
            self.spun_ns += time.perf_counter_ns() - now

    def _collect(self) -> None:
        """Record what has ended."""
        left = 1
        while left:
            left, well, failed = self._multi.info_read()
            for curl in well:
                self._finish(curl, 0, "")
            for curl, code, failure in failed:
                self._finish(curl, code, failure)

    def _finish(self, curl: pycurl.Curl, code: int, failure: str) -> None:
        call, intended_ns, start_ns, number = self._flying.pop(curl)
        reply = call.finish(start_ns, code, failure)
        self._multi.remove_handle(curl)
        self._idle.append(call)
        self._head_bytes = self._head_bytes or call.head_bytes
        self.in_flight -= 1
        self.recorder.record(intended_ns, reply, number, len(self._requests[number].body))

    def _watch_socket(self, what: int, descriptor: int, multi: object, data: object) -> None:
        """Follow what libcurl wants to know of a socket."""
        if what == pycurl.POLL_REMOVE:
            self._watched.discard(descriptor)
            with suppress(OSError):  # libcurl has closed it already
                self._epoll.unregister(descriptor)
            return
        mask = (what & pycurl.POLL_IN and EPOLLIN) | (what & pycurl.POLL_OUT and EPOLLOUT)
        if descriptor in self._watched:
            self._epoll.modify(descriptor, mask)
        else:
            self._watched.add(descriptor)
            self._epoll.register(descriptor, mask)

    def _set_timer(self, timeout_ms: int) -> None:
        self._timer_ns = None if timeout_ms < 0 else time.perf_counter_ns() + timeout_ms * 1_000_000

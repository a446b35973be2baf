"""The fixtures of load_bench.py."""

from load_bench import known_server, make_bench

__all__ = ["known_server", "make_bench"]

"""How a benchmark ends: its result as JSON or tables, 1 where a goal is missed, a message where it can't run."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from bakeoff.errors import BakeoffError


def conclude(result: dict[str, Any], as_json: bool, print_tables: Callable[[dict[str, Any]], None]) -> int:
    """Write a result; return 1 where one of its goals is missed, else 0."""
    if as_json:
        sys.stdout.write(json.dumps(result, indent=1) + "\n")
    else:
        print_tables(result)
    return 0 if all(goal["met"] for goal in result["goals"]) else 1


def run_program(main: Callable[[], int]) -> NoReturn:
    """Run a benchmark and end with its status."""
    try:
        sys.exit(main())
    except BakeoffError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

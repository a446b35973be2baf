"""Calls into the user's model.py: whatever goes wrong there is told with the line that it went wrong at."""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from contract import ModelFolderError

_LONGEST = 400
_LINES = 5


class ModelError(Exception):
    """A model that keeps the contract but does not work."""


class UserCode:
    """A model.py, by its file."""

    def __init__(self, file: Path) -> None:
        self.file = file.resolve()

    def call(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function; raises ModelError, which names WHAT and the line, for whatever the function raises."""
        try:
            return function(*arguments)
        except (ModelError, ModelFolderError):
            raise
        except (Exception, SystemExit) as error:
            raise ModelError(f"{what} raised {self.explain(error)}") from error

    def explain(self, error: BaseException) -> str:
        """Tell an exception in a few lines: its kind, what it says and the user's line that it came from."""
        text = f"{type(error).__name__}: {brief(error)}" if str(error) else type(error).__name__
        return self.placed(text, error)

    def placed(self, text: str, error: BaseException) -> str:
        """Add to a text the user's line that an exception came from, unless it is told there already."""
        place = self._place(error)
        return f"{text}\n{place}" if place and str(self.file) not in text else text

    def _place(self, error: BaseException) -> str | None:
        """Return the last line of the user's file that an exception, or what caused it, went through."""
        for link in causes(error):
            if isinstance(link, SyntaxError) and link.filename == str(self.file):
                return self._line(link.lineno or 1)
            lines = [
                at for frame, at in traceback.walk_tb(link.__traceback__) if frame.f_code.co_filename == str(self.file)
            ]
            if lines:
                return self._line(lines[-1])
        return None

    def _line(self, number: int) -> str:
        code = linecache.getline(str(self.file), number).strip()
        return f"at {self.file} line {number}: {code}"


def brief(error: BaseException) -> str:
    """Return what an exception says without blank lines, cut where it goes on and on."""
    lines = [line.rstrip() for line in str(error).splitlines() if line.strip()]
    text = "\n".join(lines[:_LINES])
    return text if len(lines) <= _LINES and len(text) <= _LONGEST else text[:_LONGEST].rstrip() + " ..."


def causes(error: BaseException) -> Iterator[BaseException]:
    """Give what caused an exception, the innermost first."""
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield from causes(cause)
    yield error

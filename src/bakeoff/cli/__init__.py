"""The command line: parses, calls, prints; everything else is elsewhere."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer

from bakeoff.cli import capacity, compare, compose, doctor, look, measure, servers, sizes
from bakeoff.cli.options import todays_option
from bakeoff.errors import BakeoffError, TargetError, printable, reason_of
from bakeoff.platforms import docker_engine
from bakeoff.report.words import reason_text

app = typer.Typer(
    help="Deploy one PyTorch model every way, prove that all compute the same, and measure what each costs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"token_normalize_func": todays_option},
)
app.command()(measure.run)
app.command()(measure.export)
app.command()(capacity.capacity)
app.command()(servers.up)
app.command()(servers.down)
app.command()(servers.verify)
app.command(hidden=True)(servers.plan)
app.command()(sizes.sizes)
app.command()(compose.compose)
app.command()(look.report)
app.command()(compare.compare)
app.command()(look.targets)
app.command()(look.models)
app.command()(doctor.doctor)


class Terminated(BaseException):
    """SIGTERM arrived; like KeyboardInterrupt it unwinds through every cleanup."""


def main() -> None:
    """Run the command; end with the design's exit status."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(standalone_mode=True)
    except BakeoffError as error:
        sys.stderr.write(f"bakeoff: {printable(reason_text(reason_of(error)))}\n")
        if isinstance(error, TargetError) and error.remedy:
            sys.stderr.write(f"Remedy: {printable(reason_text(error.remedy))}\n")
        sys.exit(error.status)
    except docker_engine.ENGINE_ERRORS as error:
        sys.stderr.write(f"bakeoff: the Docker Engine failed: {printable(docker_engine.last_line(str(error)))}\n")
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that may not be written: the rest is an error of ours
        if error.strerror is None:
            raise
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"bakeoff: {printable(where)}{error.strerror}; a run that was cut off goes on with --resume\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Terminated:
        sys.exit(143)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated

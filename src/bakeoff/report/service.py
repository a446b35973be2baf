"""Serve the reports of all runs, to be looked at: python -m bakeoff.report.service DIR [--host H] [--port P].

It only reads. What it serves was made by programs that load servers of others, so each page is kept to itself.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from bakeoff.analysis.completeness import uncounted, unmeasured
from bakeoff.errors import BakeoffError
from bakeoff.results.store import NAME, read_results
from bakeoff.schema import FLOORS, NO_FORMAT, Report

PAGE = "report.html"
LONGEST = 300
"""Characters of an error in the list."""
LINKED = (PAGE, "report.md", "results.csv", NAME, "sizes.json")
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
    # An origin of its own: a page's inline script works, and can neither fetch nor read anything.
    "Content-Security-Policy": "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A run as the list shows it; `verdict`: that it is complete, or what is wrong."""

    name: str
    created_at: str
    models: str
    targets: str
    verdict: str
    files: tuple[str, ...]


def list_runs(root: Path) -> list[Row]:
    """Return all runs in a folder, newest first, broken ones among them."""
    paths = [path for path in root.iterdir() if find_file(root, [path.name, NAME])]
    rows = [_row(path, (path / NAME).stat().st_mtime_ns) for path in paths]
    return sorted(rows, key=lambda row: (row.created_at, row.name), reverse=True)


@functools.lru_cache(maxsize=1000)
def _row(folder: Path, _changed_ns: int) -> Row:
    files = tuple(name for name in LINKED if (folder / name).is_file())
    try:
        report = read_results(folder)
    except BakeoffError as error:
        return Row(folder.name, "", "", "", str(error)[:LONGEST], files)
    models = ", ".join(model.name for model in report.models)
    targets = ", ".join(state.name for state in report.targets if state.status == "available")
    return Row(folder.name, report.created_at, models, targets, run_verdict(report), files)


def run_verdict(report: Report) -> str:
    """Say whether a run measured all that it set out to, else what is missing; floors are no contenders."""
    wrong = [f"{state.name} failed" for state in report.targets if state.status == "failed"]
    wrong += sorted({f"{row.endpoint or row.format} failed parity" for row in report.parity if not row.ok})
    contenders = [m for m in report.measurements if m.format != NO_FORMAT]
    valid = {(m.model, m.endpoint, m.workload) for m in contenders if m.verdict == "valid"}
    wrong += [f"{' '.join(place)} was not measured" for place in unmeasured(report.measurements)]
    wrong += [f"{' '.join(place)} has no trial that counts" for place in uncounted(report.measurements)]
    wrong += [] if valid else ["nothing was measured"]
    if set(report.configured("models")) - set(report.finished):
        wrong.append("cut off, or still running")
    missing = [state.name for state in report.targets if state.status == "unavailable" and state.name not in FLOORS]
    said = "; ".join(wrong) or f"complete: {len(valid)} pairs of endpoint and workload measured"
    return f"{said}; unavailable here: {', '.join(missing)}" if missing else said


def find_file(root: Path, parts: list[str]) -> Path | None:
    """Return a file below the root; None for what isn't there, is hidden, or lies elsewhere by a link."""
    if not parts or any(part in ("", ".", "..") or part[0] == "." or set(part) & set("/\\\0") for part in parts):
        return None
    try:
        path = root.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError):
        return None
    return path if path.is_relative_to(root.resolve()) and path.is_file() else None


class ReportHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD: the list at /, a run's files below its name."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "bakeoff", ""
    timeout = 30

    def __init__(self, *arguments: Any, root: Path) -> None:
        self._root = root
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer with a list, a file, or 404."""
        parts = [unquote(part) for part in urlsplit(self.path).path.split("/")[1:]]
        if parts == [""]:
            return self._send_text(HTTPStatus.OK, render_list(list_runs(self._root)))
        path = find_file(self._root, parts)
        if path is not None:
            return self._send_file(path)
        name = [part for part in parts if part]
        if len(name) == 1 and find_file(self._root, [*name, PAGE]):
            return self._send_text(HTTPStatus.FOUND, "", {"Location": f"/{quote(name[0], safe='')}/{PAGE}"})
        return self._send_text(HTTPStatus.NOT_FOUND, "<!doctype html><title>404</title><p>There is no such file.")

    do_HEAD = do_GET

    def end_headers(self) -> None:
        """Add what every answer has, an error of the library's too."""
        for name, value in SAFE.items():
            self.send_header(name, value)
        super().end_headers()

    def _send_file(self, path: Path) -> None:
        with path.open("rb") as file:
            self._send_head(HTTPStatus.OK, path.suffix, path.stat().st_size)
            if self.command != "HEAD":
                shutil.copyfileobj(file, self.wfile)

    def _send_text(self, status: HTTPStatus, text: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self._send_head(status, ".html", len(body), headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_head(self, status: HTTPStatus, suffix: str, length: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPES.get(suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()


def render_list(rows: list[Row]) -> str:
    """Return the list of runs as a page; all text is escaped."""
    environment = Environment(loader=PackageLoader("bakeoff.report", "."), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("service.html.j2").render(rows=rows, quote=lambda name: quote(name, safe=""))


def make_server(root: Path, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of the runs in a folder that listens already."""
    return ThreadingHTTPServer((host, port), functools.partial(ReportHandler, root=root))


def main() -> None:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, metavar="DIR", help="the folder of the runs' folders")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    if not options.root.is_dir():
        parser.error(f"{options.root}: no such folder")
    with make_server(options.root, options.host, options.port) as server:
        sys.stderr.write(f"reports: http://{options.host}:{server.server_port}/\n")
        server.serve_forever()


if __name__ == "__main__":
    main()

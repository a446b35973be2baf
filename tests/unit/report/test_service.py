"""The service of reports: lists all runs, and serves nothing but what lies in their folder."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from example_report import example_report
from recorded_runs import recorded_run

from bakeoff.report.service import list_runs, make_server, run_verdict
from bakeoff.report.words import reason_text
from bakeoff.results.store import write_results
from bakeoff.schema import Report

SECRET = "not for the world"
OUTSIDE = (
    "/../secret.txt",
    "/run/../../secret.txt",
    "/run/%2e%2e/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/run/..%2f..%2fsecret.txt",
    "/run/..%5c..%5csecret.txt",
    "//secret.txt",
    "/./../secret.txt",
    "/link.txt",
    "/linked/secret.txt",
    "/run/link.txt",
    "/run/up/secret.txt",
    "/run/.lock",
    "/.hidden/report.html",
    "/run/report.html%00.txt",
    "/run/%ff%fe",
    "/run/nothing.html",
    "/run//report.html",
    "/loop",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with one run, and links that lead out of it."""
    (tmp_path / "secret.txt").write_text(SECRET, encoding="utf-8")
    root = tmp_path / "results"
    write_results(root / "run", example_report(), reason_text)
    (root / "run" / "report.html").write_text("<script>1</script>", encoding="utf-8")
    (root / "run" / ".lock").write_text(SECRET, encoding="utf-8")
    (root / ".hidden").mkdir()
    (root / ".hidden" / "report.html").write_text(SECRET, encoding="utf-8")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "linked").symlink_to(tmp_path)
    (root / "run" / "link.txt").symlink_to("../../secret.txt")
    (root / "run" / "up").symlink_to("../..")
    (root / "loop").symlink_to("loop")
    return root


@pytest.fixture
def server(root: Path) -> Iterator[http.client.HTTPConnection]:
    """A connection to a service of that folder."""
    with make_server(root, "127.0.0.1", 0) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", listening.server_port, timeout=600)
        yield connection
        connection.close()
        listening.shutdown()
        thread.join()


def ask(server: http.client.HTTPConnection, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
    server.putrequest(method, path.encode().decode("latin-1"), skip_accept_encoding=True)
    server.endheaders()
    answer = server.getresponse()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_is_served(path: str, server: http.client.HTTPConnection) -> None:
    status, _, said = ask(server, path)
    assert (status, SECRET in said) == (404, False)


def test_a_report_is_served_as_it_is_and_kept_to_itself(server: http.client.HTTPConnection) -> None:
    status, headers, said = ask(server, "/run/report.html")
    assert (status, said, headers["content-type"]) == (200, "<script>1</script>", "text/html; charset=utf-8")
    policy = headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy and "allow-same-origin" not in policy
    assert "default-src 'none'" in policy and "script-src 'unsafe-inline'" in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/run/results.json", "/nothing", "/run"])
def test_every_answer_has_the_safe_headers(path: str, server: http.client.HTTPConnection) -> None:
    _, headers, _ = ask(server, path)
    assert headers["x-content-type-options"] == "nosniff" and "sandbox" in headers["content-security-policy"]


def test_a_runs_folder_leads_to_its_page(server: http.client.HTTPConnection) -> None:
    for path in ("/run", "/run/"):
        status, headers, _ = ask(server, path)
        assert (status, headers["location"]) == (302, "/run/report.html")


def test_head_has_no_body_and_nothing_can_be_written(server: http.client.HTTPConnection) -> None:
    status, headers, said = ask(server, "/run/report.html", "HEAD")
    assert (status, headers["content-length"], said) == (200, "18", "")
    assert ask(server, "/run/report.html", "DELETE")[0] == 501


def test_the_list_has_the_newest_first_and_broken_ones_too(root: Path, server: http.client.HTTPConnection) -> None:
    write_results(root / "newer", replace(example_report(), created_at="2026-02-01T00:00:00+00:00"), reason_text)
    (root / "broken").mkdir()
    (root / "broken" / "results.json").write_text("{", encoding="utf-8")
    (root / "away").symlink_to(root.parent / "elsewhere")
    write_results(root.parent / "elsewhere", example_report(), reason_text)
    assert [row.name for row in list_runs(root)] == ["newer", "run", "broken"]
    status, _, page = ask(server, "/")
    assert status == 200 and page.index("newer</th>") < page.index("run</th><td>")
    for words in ("digits_cnn", "2026-02-01", 'href="/run/report.html"', "unavailable here: tfserving", "broken"):
        assert words in page


def test_a_hostile_name_stays_text(root: Path, server: http.client.HTTPConnection) -> None:
    name = '"><script>x'
    write_results(root / name, example_report(name="<img src=x>"), reason_text)
    _, _, page = ask(server, "/")
    assert "<script>" not in page and "<img" not in page and "&lt;img" in page
    assert 'href="/%22%3E%3Cscript%3Ex/results.json"' in page
    assert ask(server, "/%22%3E%3Cscript%3Ex/results.json")[0] == 200


def test_a_change_is_seen(root: Path) -> None:
    assert list_runs(root)[0].models == "digits_cnn"
    write_results(root / "run", example_report(name="another"), reason_text)
    os.utime(root / "run" / "results.json", ns=(1, 1))
    assert list_runs(root)[0].models == "another"


def finished(**changes: object) -> Report:
    whole = recorded_run({"a": 1.0, "b": 1.0}, rounds=1)
    report = replace(whole, config={**whole.config, "models": ["m"]}, finished=("m",), targets=whole.targets[:1])
    return replace(report, **changes)  # type: ignore[arg-type]


def test_a_verdict_says_what_is_missing() -> None:
    assert run_verdict(finished()) == "complete: 4 pairs of endpoint and workload measured"
    assert run_verdict(finished(finished=())) == "cut off, or still running"
    assert run_verdict(finished(measurements=())) == "nothing was measured"
    failed = replace(finished().targets[0], name="t", status="failed")
    assert run_verdict(finished(targets=(failed,))) == "t failed"
    wrong = replace(example_report().parity[0], ok=False, endpoint="a")
    assert run_verdict(finished(parity=(wrong,))) == "a failed parity"
    trials = [replace(m, verdict="invalid") if m.endpoint == "a" else m for m in finished().measurements]
    assert "m a c1 has no trial that counts" in run_verdict(finished(measurements=tuple(trials)))


def test_it_is_a_program_that_refuses_what_is_no_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bakeoff.report.service", str(tmp_path / "nothing")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 2 and "no such folder" in done.stderr

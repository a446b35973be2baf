"""`bakeoff doctor` on a machine whose /proc and /sys were written by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from machine_tree import OWN, calm_machine, cpu_stat, process_stat, ten_seconds_later, write
from typer.testing import CliRunner

from bakeoff.cli import app, doctor, main
from bakeoff.errors import TargetUnavailable
from bakeoff.host.apt import Offer
from bakeoff.host.cpus import Cpus
from bakeoff.schema import Reason

FIND_OFFERS = doctor.find_offers
"""The real one; tests of the command don't ask the network."""
BUSY = {**process_stat(7, "sshd", 330), **cpu_stat(1650, 1350, 10)}


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(cpus: set[int], seconds: float, tick: object) -> list[float]:
        assert (cpus, seconds) == ({0}, 10)
        ten_seconds_later(tmp_path)
        write(tmp_path, BUSY)
        return [0.05, 0.051] * 100

    calm_machine(tmp_path)
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    monkeypatch.setattr(doctor, "take_pulse", work)
    monkeypatch.setattr(doctor, "resolve_cpus", lambda cpus: Cpus("0", "1"))
    monkeypatch.setattr(doctor.os, "getpid", lambda: OWN)
    monkeypatch.setattr(doctor, "find_offers", lambda: [])
    monkeypatch.setattr(doctor, "missing_prerequisite", lambda target: None)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["doctor", *arguments], env={"COLUMNS": "200"}, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_table_says_what_was_found_and_what_to_do() -> None:
    shown = run()
    for column in ("what", "steady", "found", "what to do"):
        assert column in shown
    row = next(line for line in shown.splitlines() if "sshd" in line)
    assert "neighbours" in row and " no " in row and "30% of a CPU" in row and "kill -STOP 7" in row
    assert "lean-tflite" in shown


def test_json_has_codes_with_values_and_their_words() -> None:
    found = json.loads(run("--json"))
    assert found.keys() == {"can_run", "machine", "offers"}
    assert {row["what"] for row in found["can_run"]} >= {"docker", "disk", "tfserving", "lean-tflite"}
    (neighbour,) = [row for row in found["machine"] if row["what"] == "neighbours"]
    assert neighbour["state"] == "unsteady"
    assert neighbour["found"]["code"] == "neighbour"
    assert neighbour["found"]["values"] == {"pid": 7, "name": "sshd", "percent": 30.0}
    assert neighbour["remedy"]["text"].startswith("end it")
    (run_row,) = [row for row in found["machine"] if row["what"] == "a 2-minute run"]
    assert run_row["found"]["values"]["slices"] == 200


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    for name in ("sys/devices/system/cpu/intel_pstate/no_turbo", "proc/swaps"):
        (tmp_path / name).unlink()
    states = {row["what"]: (row["state"], row["found"]["text"]) for row in json.loads(run("--json"))["machine"]}
    assert states["turbo"][0] == states["swap"][0] == "unknown"
    assert states["swap"][1] == "unknown: /proc/swaps can't be read here"


def test_commands_stand_alone_so_that_they_can_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = ("curl " + "x" * 300, "echo 'deb [arch=amd64] y'", "apt-get update")
    found = Reason("apt_offers", {"package": "p", "archive": "https://archive.test"})
    monkeypatch.setattr(doctor, "find_offers", lambda: [Offer("tfserving", found, commands)])
    shown = run().splitlines()
    assert [f"  {command}" for command in commands] == shown[-3:]
    assert "Nothing was installed" in shown[-4]


def test_only_what_is_missing_and_has_an_archive_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"etc/os-release": "ID=debian\n"})
    monkeypatch.setattr(doctor, "find_obstacle", lambda url: None)
    monkeypatch.setattr("bakeoff.host.apt.shutil.which", lambda command: f"/usr/bin/{command}")
    monkeypatch.setattr("bakeoff.host.apt.platform.machine", lambda: "x86_64")
    monkeypatch.setattr(doctor, "missing_prerequisite", lambda target: None)
    assert FIND_OFFERS() == []
    monkeypatch.setattr(doctor, "missing_prerequisite", lambda target: TargetUnavailable("it is missing"))
    (offer,) = FIND_OFFERS()
    assert offer.target == "tfserving" and len(offer.commands) == 3
    assert offer.commands[2].endswith("apt-get install tensorflow-model-server")


def test_docker_is_named_where_apt_is_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    offer = Offer("tfserving", Reason("apt_missing"), remedy=Reason("use_docker", {"target": "tfserving"}))
    monkeypatch.setattr(doctor, "find_offers", lambda: [offer])
    assert "--platform docker --target tfserving" in run().splitlines()[-1]


def test_ctrl_c_ends_it_with_130_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object) -> list[float]:
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "take_pulse", interrupted)
    monkeypatch.setattr(sys, "argv", ["bakeoff", "doctor", "--quiet"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    said = capsys.readouterr()
    assert said.out == "" and "Traceback" not in said.err


def test_help_teaches() -> None:
    shown = " ".join(CliRunner().invoke(app, ["doctor", "--help"]).output.split())
    for part in ("--seconds", "--json", "--config", "2 minutes", "unknown", "Nothing is started or installed"):
        assert part in shown

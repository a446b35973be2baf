"""The shared parts of the server programs: the command line, the parent's death, and supervision."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "serving" / "shared"
SLEEP = "import time; time.sleep(60)"


def run_python(code: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env=os.environ | {"PYTHONPATH": str(SHARED)},
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def is_running(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not waited for yet does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while any(map(is_running, pids)):
        assert time.monotonic() < deadline, "processes are still there"
        time.sleep(0.02)


PARSE = """
    from command_line import parse_command_line, require_free_ports
    options = parse_command_line()
    require_free_ports(options)
    print(options)
"""


def arguments(rest: int, grpc: int) -> list[str]:
    text = f"--model m --model-dir d --format f --host 127.0.0.1 --rest-port {rest} --grpc-port {grpc} --workers 2"
    return text.split()


def test_command_line_is_parsed_and_free_ports_pass(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = one.getsockname()[1], two.getsockname()[1]
    out, err = run_python(PARSE, tmp_path, *arguments(*ports)).communicate(timeout=600)
    assert "workers=2, threads=1" in out, err
    assert f"{tmp_path}/d" in out, "the model folder must survive a change of the working directory"


@pytest.mark.parametrize("taken", ["rest", "grpc"])
def test_taken_port_is_an_error_that_names_it(tmp_path: Path, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held, socket.create_server(("127.0.0.1", 0)) as freed:
        port, free = held.getsockname()[1], freed.getsockname()[1]
        freed.close()
        process = run_python(PARSE, tmp_path, *arguments(*((port, free) if taken == "rest" else (free, port))))
        _, err = process.communicate(timeout=600)
    assert process.returncode == 1
    assert f"127.0.0.1:{port}" in err and "in use" in err


def test_free_ports_differ(tmp_path: Path) -> None:
    out, _ = run_python("from command_line import free_ports; print(*free_ports(8))", tmp_path).communicate(timeout=600)
    assert len(set(out.split())) == 8


def test_end_with_parent_as_a_program_outlives_exec_and_ends_with_its_parent(tmp_path: Path) -> None:
    parent = run_python(
        f"""
        import os, subprocess, sys, time
        program = {str(SHARED / "end_with_parent.py")!r}
        child = subprocess.Popen([sys.executable, program, str(os.getpid()), sys.executable, "-c", {SLEEP!r}])
        print(child.pid, flush=True)
        time.sleep(60)
        """,
        tmp_path,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    command = Path(f"/proc/{child}/cmdline")
    deadline = time.monotonic() + 600
    while command.read_bytes().split(b"\0")[1:3] != [b"-c", SLEEP.encode()]:  # until it has become the other program
        assert time.monotonic() < deadline
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    wait_until_gone([child])


def test_end_with_parent_ends_at_once_if_the_parent_is_gone_already(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    program = str(SHARED / "end_with_parent.py")
    done = subprocess.run(
        [sys.executable, program, str(gone.pid), sys.executable, "-c", SLEEP], timeout=600, check=False
    )
    assert done.returncode == 1


SUPERVISE = f"""
    import os, sys
    from supervisor import supervise
    say = "import os; os.write(1, b'%d;' % os.getpid());"  # in one piece: both write to one pipe
    code = sys.argv[1]
    commands = {{"sleeper": [sys.executable, "-c", say + {SLEEP!r}], "other": [sys.executable, "-c", say + code]}}
    sys.exit(supervise(commands, dict(os.environ)))
"""


def start_supervised(folder: Path, code: str) -> tuple[subprocess.Popen[str], list[int]]:
    process = run_python(SUPERVISE, folder, code)
    assert process.stdout is not None
    said = ""
    while said.count(";") < 2:
        said += (read := process.stdout.read(1))
        assert read, "it ended before both halves ran"
    return process, [int(number) for number in said.split(";")[:2]]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_both_halves_with_status_0(tmp_path: Path, number: signal.Signals) -> None:
    process, children = start_supervised(tmp_path, SLEEP)
    process.send_signal(number)
    assert process.wait(10) == 0
    assert not any(map(is_running, children))


def test_a_half_that_ends_ends_the_other_and_is_named(tmp_path: Path) -> None:
    process, children = start_supervised(tmp_path, "import sys, time; time.sleep(0.2); sys.exit(7)")
    _, err = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "other ended with status 7" in err
    assert not any(map(is_running, children))


def test_a_half_that_ignores_sigterm_is_killed_within_10_seconds(tmp_path: Path) -> None:
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('deaf', 'w').close(); {SLEEP}"
    process, children = start_supervised(tmp_path, deaf)
    deadline = time.monotonic() + 600
    while not (tmp_path / "deaf").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.terminate()
    assert process.wait(10) == 0
    assert not any(map(is_running, children))


def test_killing_the_main_process_ends_both_halves(tmp_path: Path) -> None:
    process, children = start_supervised(tmp_path, SLEEP)
    process.kill()
    process.wait()
    wait_until_gone(children)

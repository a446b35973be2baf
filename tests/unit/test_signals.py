"""A Ctrl-C reaches what tests start, also where the tests themselves were started in the background."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
# Run by a pytest that inherited an ignored SIGINT; its own name keeps it from being collected here.
INNER = """
import signal, subprocess, sys

def test_a_child_ends_by_ctrl_c():
    child = subprocess.Popen([sys.executable, "-c", "print('here', flush=True); input()"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout.readline() == b"here\\n"
    child.send_signal(signal.SIGINT)
    child.wait(60)
    assert child.returncode == -signal.SIGINT
"""


def test_children_take_ctrl_c_where_the_parent_ignores_it(tmp_path: Path) -> None:
    shutil.copy(TESTS / "conftest.py", tmp_path)
    (tmp_path / "test_inner.py").write_text(INNER, encoding="utf-8")
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    background = ["bash", "-c", 'trap "" INT; exec "$@"', "bash", *pytest]
    done = subprocess.run(background, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout

"""The example of docs/your-own-model.md, as it stands there, outside the repository."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from zoo_model import load_model

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "your-own-model.md").read_text(encoding="utf-8")


def test_the_example_exports_as_the_page_says(tmp_path: Path) -> None:
    folder = tmp_path / "tickets"
    folder.mkdir()
    model, train = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (folder / "model.py").write_text(model)
    (folder / "train.py").write_text(train)
    subprocess.run([sys.executable, "train.py"], cwd=folder, check=True, timeout=600)
    command = [sys.executable, str(ROOT / "models" / "export.py"), "--model-folder", str(folder)]
    command += ["--out", str(tmp_path / "artifacts"), "--format", "savedmodel", "torchscript"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    assert finished.returncode == 0, finished.stdout
    printed = [json.loads(line) for line in finished.stdout.splitlines()]
    told = re.findall(r"^    exported tickets (\S+) in [\d.]+ s, [\d,]+ bytes$", TEXT, re.MULTILINE)
    named = [name for name in told if name in ("savedmodel", "torchscript")]
    expected = [(event, name) for name in named for event in ("start", "done")]
    assert len(named) == 2
    assert [(record["event"], record["format"]) for record in printed] == expected
    assert all(record["size_bytes"] > 0 for record in printed if record["event"] == "done")
    tree = tmp_path / "artifacts" / "tickets"
    assert "torch:queue@16" in np.load(tree / "golden.npz").files
    accuracies = [json.loads(path.read_text())["accuracy"] for path in tree.glob("*/manifest.json")]
    assert min(accuracies) > 0.95
    # the words of the page's table
    assert load_model(folder).lengths == (4, 16, 64)
    (folder / "weights.pt").unlink()
    gone = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    line = re.search(r"`at \.\.\./(model.py line \d+: network.load_state_dict)", TEXT)
    assert line is not None
    message = json.loads(gone.stdout.splitlines()[-1])["message"]
    assert gone.returncode == 1
    assert message.startswith("build() raised FileNotFoundError") and line[1] in message

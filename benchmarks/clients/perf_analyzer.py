"""Measure the perf_analyzer on PATH (the wheel of tritonclient 2.45.0 carries one); it tells no CPU time.

It speaks TensorFlow Serving's gRPC and TorchServe's REST, and asks a gRPC server for the model's inputs first.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import HOST, parse_job, say

job = parse_job()
program = shutil.which("perf_analyzer")
if program is None:
    sys.exit("perf_analyzer is not on PATH")
window = [
    "--measurement-interval",
    str(round(job.seconds * 1000)),
    "--max-trials",
    "3",
    "--stability-percentage",
    "999",
]
argv = [program, "-m", "floor", "-u", f"{HOST}:{job.port}", "--concurrency-range", "1", *window]
with tempfile.TemporaryDirectory() as folder:
    if job.protocol == "grpc":
        argv += ["--service-kind", "tfserving", "-i", "grpc", "--shape", f"x:{len(job.message) // 4}"]
    else:
        (Path(folder) / "message").write_bytes(job.message)
        data = Path(folder) / "data.json"
        data.write_text(json.dumps({"data": [{"TORCHSERVE_INPUT": [f"{folder}/message"]}]}))
        argv += ["--service-kind", "torchserve", "-i", "http", "--input-data", str(data)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
found = re.search(r"Request count: (\d+)[\s\S]*?p50 latency: (\d+) usec", done.stdout)
if not found or int(found[1]) == 0:
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    sys.exit(lines[0] if lines else f"perf_analyzer ended with status {done.returncode}")
say({"requests": int(found[1]), "p50_us": float(found[2])})

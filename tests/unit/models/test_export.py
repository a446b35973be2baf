"""The export program: the tree it writes, what it skips, what it refuses, what a failure leaves behind."""

import gzip
import hashlib
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

PROGRAM = Path(__file__).parents[3] / "models" / "export.py"
FORMATS = ["savedmodel", "tflite-dynamic", "tflite-fp16", "tflite-fp32", "tflite-int8", "torchscript"]
EXACT = {"savedmodel", "tflite-fp32", "torchscript"}
EDGE = ["--skip", "onnx", "executorch", "lite-interpreter"]  # test_edge_formats.py has these
MakeFolder = Callable[..., Path]


@dataclass
class Result:
    """What a run of the program said."""

    status: int
    events: list[dict[str, Any]]
    stderr: str

    def of(self, event: str) -> list[str]:
        return sorted(record["format"] for record in self.events if record["event"] == event)


def export(folder: Path, out: Path, *options: str) -> Result:
    command = [sys.executable, str(PROGRAM), "--model-folder", str(folder), "--out", str(out), *options]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    events = [json.loads(line) for line in finished.stdout.splitlines()]  # nothing but events is on stdout
    return Result(finished.returncode, events, finished.stderr)


@dataclass
class Exported:
    """One full export of the small model, for tests that only look at it."""

    folder: Path
    out: Path
    result: Result

    @property
    def tree(self) -> Path:
        return self.out / "small"

    def manifest(self, name: str) -> dict[str, Any]:
        return json.loads((self.tree / name / "manifest.json").read_text())


@pytest.fixture(scope="module")
def exported(make_model_folder: MakeFolder, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    evaluation = """
def evaluate(predict):
    inputs = samples(12, 99)
    return {"accuracy": float((predict(inputs)["scores"].argmax(1) == 2).mean()), "samples": 12}
"""
    folder, out = make_model_folder(extra=evaluation), tmp_path_factory.mktemp("artifacts")
    return Exported(folder, out, export(folder, out, *EDGE))


def test_weights_from_a_file_stay_until_they_are_given_up(make_model_folder: MakeFolder, tmp_path: Path) -> None:
    folder, out, weights = make_model_folder(), tmp_path / "out", tmp_path / "w.pt"
    write = "import sys, torch; sys.path.insert(0, sys.argv[1]); import model; net = model.build(); "
    write += "[p.data.add_(0.1) for p in net.parameters()]; torch.save(net.state_dict(), sys.argv[2])"
    subprocess.run([sys.executable, "-c", write, str(folder), str(weights)], check=True)

    def identity(*options: str) -> str:
        result = export(folder, out, "--format", "torchscript", *options)
        assert result.status == 0, result.events
        return str(json.loads((out / "small" / "model.json").read_text())["sha256"])

    own, given = identity(), identity("--weights", str(weights))
    assert given != own
    assert identity() == given
    weights.unlink()
    gone = export(folder, out, "--format", "torchscript")
    assert gone.status == 2 and "is gone" in gone.events[-1]["message"]
    assert identity("--force") == own


def test_every_format_is_made_and_told(exported: Exported) -> None:
    assert exported.result.status == 0, exported.result.stderr
    assert exported.result.of("start") == exported.result.of("done") == FORMATS
    for record in exported.result.events:
        assert set(record) == {"event", "model", "format", "seconds", "size_bytes", "message"}
        assert record["model"] == "small"
    sizes = {r["format"]: r["size_bytes"] for r in exported.result.events if r["event"] == "done"}
    assert sizes == {name: exported.manifest(name)["size_bytes"] for name in FORMATS}


def test_the_tree_holds_nothing_else(exported: Exported) -> None:
    expected = {".lock", "canary.json", "golden.npz", "model.json", *FORMATS}
    assert {path.name for path in exported.tree.iterdir()} == expected


def test_model_json(exported: Exported) -> None:
    model = json.loads((exported.tree / "model.json").read_text())
    assert len(model.pop("sha256")) == 64
    accuracy = model.pop("accuracy")
    assert 0 <= accuracy <= 1
    assert model == {
        "schema_version": 1,
        "name": "small",
        "inputs": [{"name": "picture", "dtype": "float32", "shape": [None, 3, 8, 8]}],
        "outputs": [
            {"name": "scores", "dtype": "float32", "shape": [None, 5]},
            {"name": "features", "dtype": "float32", "shape": [None, 8]},
        ],
        "lengths": [],
        "atol": 1e-4,
        "rtol": 0.0,
        "parameters": 661,
        "accuracy_samples": 12,
        "weights": None,
        "untrained": False,
    }


@pytest.mark.parametrize("name", FORMATS)
def test_a_manifest_tells_the_truth_about_its_files(exported: Exported, name: str) -> None:
    folder, manifest = exported.tree / name, exported.manifest(name)
    present = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    del present["manifest.json"]
    assert {file["path"] for file in manifest["files"]} == set(present)
    for file in manifest["files"]:
        content = present[file["path"]].read_bytes()
        assert file["size_bytes"] == len(content)
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
    main = folder / manifest["file"]
    deployed = [main] if main.is_file() else [p for p in main.rglob("*") if p.is_file()]
    assert manifest["size_bytes"] == sum(p.stat().st_size for p in deployed)
    packed = sum(len(gzip.compress(p.read_bytes(), 9, mtime=0)) for p in deployed)
    assert manifest["gzip_bytes"] == pytest.approx(packed, rel=0.01)
    assert (manifest["model"], manifest["format"]) == ("small", name)
    assert manifest["export_seconds"] > 0
    assert manifest["versions"]["torch"].startswith("2.")


@pytest.mark.parametrize("name", FORMATS)
def test_parity_is_measured_at_every_batch(exported: Exported, name: str) -> None:
    parity = exported.manifest(name)["parity"]
    assert [(entry["batch"], entry["length"]) for entry in parity] == [(1, None), (2, None), (3, None)]
    for entry in parity:
        assert entry["max_abs_error"] <= (1e-4 if name in EXACT else 0.5)
        assert entry["ok"]
        assert entry["runtime"] == {"torchscript": "torch.jit", "savedmodel": "tensorflow"}.get(name, "ai-edge-litert")


def test_accuracy_of_every_artifact_is_measured(exported: Exported) -> None:
    accuracy = json.loads((exported.tree / "model.json").read_text())["accuracy"]
    for name in EXACT:
        assert exported.manifest(name)["accuracy"] == accuracy
    for name in FORMATS:
        assert exported.manifest(name)["accuracy"] == pytest.approx(accuracy, abs=0.2)


def test_golden_outputs_are_those_of_each_artifact(exported: Exported) -> None:
    golden = np.load(exported.tree / "golden.npz")
    sources = ["torch", *FORMATS]
    expected = {f"{source}:{output}" for source in sources for output in ("scores", "features")}
    assert set(golden.files) == {"input:picture", *expected}
    assert golden["input:picture"].shape == (32, 3, 8, 8)
    assert golden["torch:scores"].shape == (32, 5)
    for name in EXACT:
        np.testing.assert_allclose(golden[f"{name}:scores"], golden["torch:scores"], atol=1e-4)
    # quantised formats answer as themselves, not as PyTorch
    assert np.abs(golden["tflite-int8:scores"] - golden["torch:scores"]).max() > 1e-4
    file = exported.tree / "tflite-int8" / "1" / "model.tflite"
    runner = Interpreter(model_path=str(file)).get_signature_runner("serving_default")
    actual = runner(picture=golden["input:picture"][4:5])["features"]
    np.testing.assert_allclose(actual, golden["tflite-int8:features"][4:5], atol=1e-6)


def test_int8_is_integer_within_and_float_at_the_door(exported: Exported) -> None:
    interpreter = Interpreter(model_path=str(exported.tree / "tflite-int8" / "1" / "model.tflite"))
    assert {detail["dtype"] for detail in interpreter.get_input_details()} == {np.float32}
    assert {detail["dtype"] for detail in interpreter.get_output_details()} == {np.float32}
    interpreter.allocate_tensors()
    convolutions = [op for op in interpreter._get_ops_details() if op["op_name"] == "CONV_2D"]
    dtypes = {detail["index"]: detail["dtype"] for detail in interpreter.get_tensor_details()}
    assert convolutions
    assert {dtypes[op["inputs"][0]] for op in convolutions} == {np.int8}


def test_smaller_formats_are_smaller(exported: Exported) -> None:
    sizes = {name: exported.manifest(name)["size_bytes"] for name in FORMATS}
    assert sizes["tflite-fp16"] < sizes["tflite-fp32"] < sizes["torchscript"]


def test_the_mar_holds_model_handler_and_configuration(exported: Exported) -> None:
    manifest = exported.manifest("torchscript")
    assert (manifest["file"], manifest["package"]) == ("model.pt", "small.mar")
    with zipfile.ZipFile(exported.tree / "torchscript" / "small.mar") as package:
        assert package.read("model.pt") == (exported.tree / "torchscript" / "model.pt").read_bytes()
        for name in ("serving/torchserve/handler.py", "engines/torchscript.py", "src/bakeoff/wire/binary.py"):
            packed = name.removeprefix("serving/torchserve/").removeprefix("src/")
            assert package.read(packed) == (PROGRAM.parents[1] / name).read_bytes()
        described = json.loads(package.read("MAR-INF/MANIFEST.json"))["model"]
        assert (described["modelName"], described["configFile"]) == ("small", "model-config.yaml")
        lines = dict(line.split(": ", 1) for line in package.read("model-config.yaml").decode().splitlines())
    assert {name: lines[name] for name in ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay")} == dict.fromkeys(
        ("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay"), "1"
    )
    assert (lines["responseTimeout"], lines["startupTimeout"]) == ("120", "120")
    model = json.loads((exported.tree / "model.json").read_text())
    assert json.loads(lines["handler"]) == {
        **{key: model[key] for key in ("name", "inputs", "outputs", "lengths", "atol", "rtol")},
        "sha256": "",
    }


def test_what_is_up_to_date_is_skipped(exported: Exported) -> None:
    before = {path: path.stat().st_mtime_ns for path in exported.tree.rglob("*") if path.name != ".lock"}
    again = export(exported.folder, exported.out, *EDGE)
    assert (again.status, again.of("skip"), again.of("start")) == (0, FORMATS, [])
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_changed_is_made_again_and_golden_stays_whole(make_model_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_model_folder()
    both = ["--format", "torchscript", "tflite-fp32"]
    assert export(folder, tmp_path, *both).status == 0
    tree = tmp_path / "small"

    def keys() -> set[str]:
        return {name.partition(":")[0] for name in np.load(tree / "golden.npz").files}

    assert keys() == {"input", "torch", "torchscript", "tflite-fp32"}
    # a damaged artifact, though not asked for
    (tree / "torchscript" / "model.pt").write_bytes(b"cut off")
    repaired = export(folder, tmp_path, "--format", "tflite-fp32")
    assert (repaired.of("skip"), repaired.of("done")) == (["tflite-fp32"], ["torchscript"])
    forced = export(folder, tmp_path, "--format", "torchscript", "--force")
    assert forced.of("done") == ["torchscript"]
    assert keys() == {"input", "torch", "torchscript", "tflite-fp32"}
    # another version of the model: nothing of the old one stays
    (folder / "model.py").write_text((folder / "model.py").read_text().replace("manual_seed(3)", "manual_seed(4)"))
    changed = export(folder, tmp_path, "--format", "torchscript")
    assert (changed.status, changed.of("done")) == (0, ["tflite-fp32", "torchscript"])
    golden = np.load(tree / "golden.npz")
    np.testing.assert_allclose(golden["tflite-fp32:scores"], golden["torch:scores"], atol=1e-4)


def test_a_format_that_fails_stops_no_other(make_model_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_model_folder(forward="torch.erfinv")
    result = export(folder, tmp_path, "--format", "savedmodel", "torchscript")
    assert result.status == 1
    assert (result.of("failed"), result.of("done")) == (["savedmodel"], ["torchscript"])
    message = next(record["message"] for record in result.events if record["event"] == "failed")
    assert "aten.erfinv.default" in message
    assert "model.py line" in message
    assert not (tmp_path / "small" / "savedmodel").exists()
    assert "torchscript:scores" in np.load(tmp_path / "small" / "golden.npz").files


def test_a_format_that_computes_something_else_fails(make_model_folder: MakeFolder, tmp_path: Path) -> None:
    # Tracing records the branch of the example; other inputs take the other one.
    branch = "(lambda y: y.abs() if float((y[0, 0] * 1e4).round()) % 2 else -y)"
    result = export(make_model_folder(forward=branch), tmp_path, "--format", "torchscript")
    assert (result.status, result.of("failed"), result.of("done")) == (1, ["torchscript"], [])
    assert "differs from PyTorch" in result.events[-1]["message"]
    assert not (tmp_path / "small" / "torchscript").exists()


@pytest.mark.parametrize(
    ("forward", "words"), [("torch.zeros_like", "output scores of small varies by only"), ("oops", "NameError|oops")]
)
def test_a_model_that_proves_nothing_or_does_not_run_is_refused(
    make_model_folder: MakeFolder, tmp_path: Path, forward: str, words: str
) -> None:
    result = export(make_model_folder(forward=forward), tmp_path)
    assert (result.status, [record["event"] for record in result.events]) == (1, ["failed"])
    assert result.events[0]["format"] is None
    assert re.search(words, result.events[0]["message"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "onnxx"], "savedmodel"),
        (["--weights", "nowhere.pt"], "nowhere.pt: no such file"),
    ],
)
def test_bad_usage(make_model_folder: MakeFolder, tmp_path: Path, options: list[str], words: str) -> None:
    result = export(make_model_folder(), tmp_path, *options)
    assert (result.status, result.events) == (2, [])
    assert words in result.stderr


def test_a_folder_without_a_model_is_bad_usage(tmp_path: Path) -> None:
    result = export(tmp_path, tmp_path / "out")
    assert result.status == 2
    assert "no model.py" in result.stderr


def test_a_full_disk_leaves_nothing_that_could_be_taken_for_whole(
    make_model_folder: MakeFolder, tmp_path: Path
) -> None:
    export = f"{sys.executable} {PROGRAM} --model-folder {make_model_folder()} --out full --format torchscript"
    script = f"""
    mount -t tmpfs -o size=40k tmpfs full || exit 99
    {export} > first; echo $? >> first; find full -type f > left
    mount -o remount,size=4m full; {export} > second; echo $? >> second
    """
    (tmp_path / "full").mkdir()
    finished = subprocess.run(["unshare", "-m", "sh", "-c", script], cwd=tmp_path, capture_output=True, check=False)
    if not (tmp_path / "first").exists():
        pytest.skip(f"may not mount a small file system here: {finished.stderr.decode()}")
    first, second = ((tmp_path / name).read_text().splitlines() for name in ("first", "second"))
    failed = json.loads(first[-2])
    assert (failed["format"], failed["message"], first[-1]) == (None, "no space is left for full/small", "1")
    assert set((tmp_path / "left").read_text().split()) == {"full/small/.lock", "full/small/model.json"}
    assert (json.loads(second[-2])["event"], second[-1]) == ("done", "0")

"""The contract of engines: each engine that this environment has, on real artifacts."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bakeoff.schema import Model, engines, formats, read_model
from engines.engine import Arrays, Engine, Predictor, warm_up, zeros
from engines.installed import runtime_of
from engines.timing import find_artifact, import_engine

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / ".bakeoff" / "engine-tests"
MODELS = ("digits_cnn", "words")
FORMAT_OF = {module: row.name for row in reversed(formats.TABLE) if row.exact for module in row.engines}
# Import names of what engines are made on, none of which one engine may import of another.
FRAMEWORKS = {
    "torchscript": {"torch"},
    "lite_interpreter": {"torch"},
    "tensorflow": {"tensorflow"},
    "tflite": {"tflite_runtime"},
    "litert": {"ai_edge_litert"},
    "onnxruntime": {"onnxruntime"},
    "executorch": {"executorch", "torch"},
}

MEASURE_AND_TELL_MODULES = """
import json, sys
from engines import measure
status = measure.main()
print(json.dumps([*sys.modules]))  # to stderr: measure.main sends stdout there
sys.exit(status)
"""


def is_here(row: engines.EngineRow) -> bool:
    """Tell whether this environment has an engine's package."""
    try:
        importlib.metadata.distribution(row.distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


HERE = [row for row in engines.TABLE if is_here(row)]
pytestmark = pytest.mark.skipif(not HERE, reason="no engine is installed here")


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """The artifacts of all engines, made by the command's own Python in the environments that export."""
    python = ROOT / ".venv" / "bin" / "python"
    program = Path(__file__).with_name("make_artifacts.py")
    subprocess.run([python, program, ARTIFACTS], check=True)
    return ARTIFACTS


@pytest.fixture(params=[row.module for row in HERE])
def engine(request: pytest.FixtureRequest) -> Engine:
    return import_engine(request.param)


@pytest.fixture(params=MODELS)
def folder(request: pytest.FixtureRequest, artifacts: Path) -> Path:
    return artifacts / request.param


@pytest.fixture
def model(folder: Path) -> Model:
    return read_model(folder / "model.json")


def load(engine: Engine, folder: Path, model: Model) -> Predictor:
    module = engine.__name__.rpartition(".")[2]  # type: ignore[attr-defined]
    return engine.load(find_artifact(folder / FORMAT_OF[module]), model, 1)


def golden(folder: Path, source: str, names: list[str], length: int | None) -> Arrays:
    end = "" if length is None else f"@{length}"
    with np.load(folder / "golden.npz") as arrays:
        return {name: arrays[f"{source}:{name}{end}"] for name in names}


def check_golden(predict: Predictor, folder: Path, model: Model) -> None:
    """Hold answers in batches of one and of three against PyTorch's, at every length in turn."""
    for batch in (1, 3, 1):
        for length in model.lengths or (None,):
            inputs = golden(folder, "input", [spec.name for spec in model.inputs], length)
            right = golden(folder, "torch", [spec.name for spec in model.outputs], length)
            outputs = predict({name: array[:batch] for name, array in inputs.items()})
            assert outputs.keys() == right.keys()
            for name, array in outputs.items():
                assert array.dtype == right[name].dtype
                np.testing.assert_allclose(array, right[name][:batch], atol=model.atol, rtol=model.rtol)


def wrong_shapes(model: Model) -> Arrays:
    """Inputs that lack the model's last dimension."""
    return {name: array[..., 0] for name, array in zeros(model, 1, 3).items()}


def test_it_answers_as_pytorch_in_any_batch_and_length(engine: Engine, folder: Path, model: Model) -> None:
    predict = load(engine, folder, model)
    warm_up(predict, model)
    check_golden(predict, folder, model)


def test_two_predictors_of_a_process_do_not_share_state(engine: Engine, folder: Path, model: Model) -> None:
    one, other = load(engine, folder, model), load(engine, folder, model)
    first, second = ({name: array + add for name, array in zeros(model, 1, 3).items()} for add in (0, 1))
    kept = one(first)
    before = {name: array.copy() for name, array in kept.items()}
    other(second)
    one(second)
    for name, array in kept.items():
        np.testing.assert_array_equal(array, before[name])


def test_inputs_of_other_shapes_are_refused_and_the_next_are_answered(
    engine: Engine, folder: Path, model: Model
) -> None:
    predict = load(engine, folder, model)
    with pytest.raises(engine.REFUSALS):
        predict(wrong_shapes(model))
    check_golden(predict, folder, model)


def test_inputs_may_be_read_only(engine: Engine, folder: Path, model: Model) -> None:
    inputs = zeros(model, 2, 3)
    for array in inputs.values():
        array.flags.writeable = False
    assert {len(array) for array in load(engine, folder, model)(inputs).values()} == {2}


def test_what_is_no_artifact_is_refused(engine: Engine, model: Model, tmp_path: Path) -> None:
    file = tmp_path / "artifact"
    file.write_bytes(b"no model")
    with pytest.raises(engine.REFUSALS):
        engine.load(file, model, 1)


@pytest.mark.parametrize("row", HERE, ids=lambda row: row.module)
def test_it_is_told_with_the_version_of_what_it_imports(row: engines.EngineRow) -> None:
    name, version = runtime_of(row.module).split(" ")
    framework = importlib.import_module(row.distribution.removesuffix("-cpu").replace("-", "_"))
    assert name == row.name
    assert version == getattr(framework, "__version__", version)


@pytest.mark.parametrize("row", HERE, ids=lambda row: row.module)
def test_it_is_measured_in_a_process_that_imports_it_alone(row: engines.EngineRow, artifacts: Path) -> None:
    what = ["--engine", row.module, "--model-dir", str(artifacts / "digits_cnn"), "--format", FORMAT_OF[row.module]]
    argv = [sys.executable, "-c", MEASURE_AND_TELL_MODULES, *what, "--threads", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert said["p50_ns"] > 0 and said["runtime_bytes"] > 0
    imported = set(json.loads(done.stderr.strip().splitlines()[-1]))
    assert imported & set().union(*FRAMEWORKS.values()) == FRAMEWORKS[row.module]
    assert {name for name in imported if name.startswith("engines.")} & {
        f"engines.{other.module}" for other in engines.TABLE
    } <= {f"engines.{row.module}", *({"engines.torchscript"} if row.module == "lite_interpreter" else ())}


def test_every_engine_has_its_module_and_every_format_an_engine() -> None:
    assert {row.module for row in engines.TABLE} == FORMAT_OF.keys() == FRAMEWORKS.keys()
    for row in engines.TABLE:
        assert (ROOT / "engines" / f"{row.module}.py").is_file()
    assert all(row.engines for row in formats.TABLE)

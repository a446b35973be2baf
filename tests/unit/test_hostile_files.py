"""Files that somebody else may have written: cut off, bent, of another version, with names that mean harm."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from example_report import example_report
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.artifacts.checks import hash_file
from bakeoff.artifacts.golden import Golden, load_artifact, load_model, verify_files
from bakeoff.artifacts.provenance import record_artifact, require_own
from bakeoff.cli import main
from bakeoff.cli.sizes import print_sizes
from bakeoff.errors import UsageError, printable
from bakeoff.experiment.config import DEFAULT, load_config
from bakeoff.experiment.resume import reopen_run
from bakeoff.host.catalog import load_targets
from bakeoff.measure.samples import table_of, write_samples
from bakeoff.report.markdown import render_markdown
from bakeoff.report.words import reason_text
from bakeoff.results.recompute import load_samples
from bakeoff.results.store import read_results, write_results
from bakeoff.schema import MissingArtifact, Sample, Watch, quoted
from bakeoff.schema.samples import Window
from bakeoff.sizes import make_size_report

HOSTILE = ("../../x", "/etc/passwd", "a/b", "a\nb", "\x1b[31mred", "<script>alert(1)</script>", "", "\0", "a" * 5000)
MODEL = {
    "schema_version": 1,
    "name": "tiny",
    "sha256": "0" * 64,
    "inputs": [{"name": "x", "dtype": "float32", "shape": [None, 2]}],
    "outputs": [{"name": "y", "dtype": "float32", "shape": [None, 3]}],
    "atol": 1e-4,
    "rtol": 0.0,
}
ARRAYS = {"input:x": np.zeros((4, 2), "f4"), "torch:y": np.zeros((4, 3), "f4"), "torchscript:y": np.zeros((4, 3), "f4")}
BENT = settings(derandomize=True, deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A model's folder as an export leaves it."""
    folder = tmp_path / "tiny"
    artifact = folder / "torchscript"
    artifact.mkdir(parents=True)
    (artifact / "model.pt").write_bytes(b"weights")
    manifest = {
        "schema_version": 1,
        "model": "tiny",
        "format": "torchscript",
        "file": "model.pt",
        "files": [{"path": "model.pt", "size_bytes": 7, "sha256": hash_file(artifact / "model.pt")}],
        "size_bytes": 7,
        "gzip_bytes": 9,
        "sha256": "0" * 64,
        "accuracy": None,
        "export_seconds": 0.1,
        "parity": [],
    }
    (artifact / "manifest.json").write_text(json.dumps(manifest))
    (folder / "model.json").write_text(json.dumps(MODEL))
    np.savez(folder / "golden.npz", **ARRAYS)
    return folder


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """A run's folder with results.json and a trial's samples."""
    folder = tmp_path / "run"
    write_results(folder, example_report(), reason_text)
    for trial in ("t", "u"):
        dump_samples(folder / "samples" / f"{trial}.parquet")
    return folder


def dump_samples(path: Path) -> None:
    samples = [Sample(n, n, n + 10, "ok", 1, 1, n % 8, 0, 0) for n in range(20)]
    watch = Watch(0, "here", 1, 1.0, 0.0, 0)
    write_samples(path, table_of(samples, [b"answer"]), Window(0, 100), [watch])


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def refused(load: Callable[[], object], *words: str) -> None:
    with pytest.raises(UsageError) as refusal:
        load()
    for word in words:
        assert word in str(refusal.value), refusal.value


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"9" * 5000, b'"text"'])
def test_what_is_no_document_is_named(exported: Path, ran: Path, content: bytes) -> None:
    for path, load in (
        (ran / "results.json", lambda: read_results(ran)),
        (exported / "model.json", lambda: load_model(exported)),
        (exported / "torchscript" / "manifest.json", lambda: load_artifact(exported / "torchscript")),
    ):
        path.write_bytes(content)
        refused(load, str(path))
    toml = ran / "bench.toml"
    toml.write_bytes(content or b"[")
    refused(lambda: load_config(toml, (), ()), str(toml))


@pytest.mark.parametrize("version", [3, 99, "1", None, -1])
def test_a_later_version_is_named(exported: Path, ran: Path, version: object) -> None:
    for path, load in (
        (ran / "results.json", lambda: read_results(ran)),
        (exported / "model.json", lambda: load_model(exported)),
        (exported / "torchscript" / "manifest.json", lambda: load_artifact(exported / "torchscript")),
    ):
        change(path, lambda content: content.update(schema_version=version))
        refused(load, str(path), "schema_version")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(HOSTILE) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def leaves(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the places of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(leaf for key, item in inner for leaf in leaves(item, (*place, key)))]


def bend(data: st.DataObject, document: Any) -> str:
    """Return a document as JSON with one place of it replaced or taken away."""
    *way, last = data.draw(st.sampled_from(leaves(document)[1:]))
    document = json.loads(json.dumps(document))
    holder = document
    for key in way:
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[last] = data.draw(VALUES)
    else:
        del holder[last]
    return json.dumps(document)


def test_a_bent_report_is_read_or_refused(ran: Path) -> None:
    path = ran / "results.json"
    whole = json.loads(path.read_text(encoding="utf-8"))

    @BENT
    @given(st.data())
    def read(data: st.DataObject) -> None:
        path.write_text(bend(data, whole), encoding="utf-8")
        try:
            report = read_results(ran)
        except UsageError as error:
            assert str(path) in str(error)
        else:
            render_markdown(report)

    read()


def test_a_bent_export_is_read_or_refused(exported: Path) -> None:
    manifest = exported / "torchscript" / "manifest.json"
    whole = json.loads(manifest.read_text(encoding="utf-8"))

    @BENT
    @given(st.data())
    def read(data: st.DataObject) -> None:
        (exported / "model.json").write_text(bend(data, MODEL), encoding="utf-8")
        manifest.write_text(bend(data, whole), encoding="utf-8")
        for load in (
            lambda: load_artifact(exported / "torchscript"),
            lambda: verify_files(exported),
            lambda: Golden(exported / "golden.npz", load_model(exported)),
        ):
            try:
                load()
            except UsageError as error:
                assert str(exported) in str(error)

    read()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_trial_does_not_lead_out_of_its_run(ran: Path, name: str) -> None:
    change(ran / "results.json", lambda content: content["measurements"][0].update(trial_id=name))
    refused(lambda: read_results(ran), "results.json", "measurements.0.trial_id")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_model_and_its_files_stay_in_their_folder(exported: Path, name: str) -> None:
    manifest = exported / "torchscript" / "manifest.json"
    if name != "a/b" and name.isprintable() and len(name) < 100 and "script" not in name:
        change(manifest, lambda content: content.update(file=name))
        refused(lambda: load_artifact(exported / "torchscript"), "manifest.json", "file")
    change(manifest, lambda content: content["files"][0].update(path=name))
    refused(lambda: verify_files(exported), str(exported))
    change(exported / "model.json", lambda content: content.update(name=name))
    refused(lambda: load_model(exported), "model.json", "name")


def test_a_file_that_is_not_its_manifests_is_refused(exported: Path) -> None:
    verify_files(exported)
    (exported / "torchscript" / "model.pt").write_bytes(b"Weights")
    refused(lambda: verify_files(exported), "model.pt", "export it again")


def test_golden_inputs_that_cannot_be_are_refused(exported: Path) -> None:
    path, model = exported / "golden.npz", load_model(exported)
    whole = path.read_bytes()
    for content in (
        b"",
        b"PK\3\4",
        whole[:100],
        whole[: len(whole) // 2],
        whole[:-30],
        whole[:200] + bytes(60) + whole[260:],
    ):
        path.write_bytes(content)
        refused(lambda: Golden(path, model), str(path))
    for arrays in (
        {},
        {"input:x": np.zeros((4, 3), "f4")},
        {"input:x": np.zeros((4, 2), "f8")},
        {"input:x": np.zeros((0, 2), "f4")},
        {"input:x": np.float32(1)},
    ):
        np.savez(path, **arrays)
        refused(lambda: Golden(path, model), str(path), "export it again")


def test_nothing_is_unpickled(exported: Path, tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "harm",))

    path, model = exported / "golden.npz", load_model(exported)
    np.savez(path, **{"input:x": np.array([Harm()], object)}, allow_pickle=True)
    refused(lambda: Golden(path, model), str(path))
    path.write_bytes(pickle.dumps(Harm()))
    refused(lambda: Golden(path, model), str(path))
    assert not (tmp_path / "harm").exists()


def test_samples_that_cannot_be_are_refused(ran: Path) -> None:
    path = ran / "samples" / "t.parquet"
    whole, table = path.read_bytes(), pq.read_table(path)
    assert len(load_samples(ran, "t").status) == 20
    for content in (
        b"",
        b"PAR1",
        whole[:50],
        whole[: len(whole) // 2],
        whole[:-10],
        whole[:40] + bytes(200) + whole[240:],
    ):
        path.write_bytes(content)
        refused(lambda: load_samples(ran, "t"), str(path))
    names = table.schema.names
    for name in names:
        if name in ("request_bytes", "response_bytes"):  # no figure is made of them
            continue
        at = names.index(name)
        for column in (pa.array(["text"] * 20), pa.array([None] * 20, pa.int64()), pa.array([0.5] * 20)):
            pq.write_table(table.set_column(at, name, column), path)
            refused(lambda: load_samples(ran, "t"), str(path))
        pq.write_table(table.remove_column(at), path)
        refused(lambda: load_samples(ran, "t"), str(path))
    for meta in (b"", b"[]", b'{"window_ns": [5, 5], "watches": [], "lost": []}', b'{"window_ns": ["a", {}]}'):
        pq.write_table(table.replace_schema_metadata({b"bakeoff": meta}), path)
        refused(lambda: load_samples(ran, "t"), str(path))


def test_a_command_ends_with_2_and_without_a_traceback(
    ran: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change(ran / "results.json", lambda content: content["measurements"][0].update(trial_id="\x1b]0;title\x07"))
    monkeypatch.setattr(sys, "argv", ["bakeoff", "report", str(ran)])
    with pytest.raises(SystemExit, match="2"):
        main()
    said = capsys.readouterr().err
    assert "results.json" in said and "Traceback" not in said
    assert printable(said) == said


def test_hostile_text_does_not_reach_the_terminal_or_markdown_as_it_is() -> None:
    text = "a\x1b[31m\x07\x9b\u202eb\x7f\ud800"
    assert printable(text) == "a\\u001b[31m\\u0007\\u009b\\u202eb\\u007f\\ud800"
    assert printable("größe, 5 µs\nnext") == "größe, 5 µs\nnext"
    rendered = render_markdown(example_report(name="[x](javascript:alert(1))", reason="\x1b[2J<img src=x>"))
    assert "[x](" not in rendered and "\x1b" not in rendered and "<img" not in rendered


@pytest.mark.parametrize("as_json", [False, True])
def test_the_size_report_prints_no_name_as_it_is(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    run = example_report()
    gone = MissingArtifact("digits_cnn", "\x9b2J\u202e", quoted("\x1b]0;title\x07"))
    print_sizes(make_size_report(run.models, run.artifacts, missing=[gone]), as_json)
    said = capsys.readouterr().out
    assert "digits_cnn" in said and "u202e" in said and printable(said) == said


def test_a_run_to_go_on_with_names_no_code_of_others(ran: Path, tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "model.py").write_text("raise SystemExit('code was run')")
    known = load_config(DEFAULT, ["digits_cnn", "mobilenet_v2"], load_targets())
    config = {
        "models": [str(tmp_path / "evil")],
        "targets": ["lean-tflite"],
        "quick": {"models": ["digits_cnn"], "rounds": 1},
    }
    config["quick"] |= {"warmup_s": 1.0, "duration_s": 1.0}
    config["workloads"] = [{"name": known.workloads[0].name, "arrival": "closed", "concurrency": 1}]
    config["workloads"][0] |= {"duration_s": 1.0}
    change(ran / "results.json", lambda content: content.update(config=config))
    refused(lambda: reopen_run(ran), "config.models", "--trust")
    assert reopen_run(ran, trust=True).config.models == (str(tmp_path / "evil"),)
    config["run"] = {"platform": "../x"}
    config["models"] = ["digits_cnn"]
    change(ran / "results.json", lambda content: content.update(config=config))
    refused(lambda: reopen_run(ran), "config.run.platform")
    config["run"] = {"load_workers": 0}
    change(ran / "results.json", lambda content: content.update(config=config))
    refused(lambda: reopen_run(ran), "results.json", "config.run.load_workers", "greater than or equal to 1")


def test_only_what_was_exported_here_is_loaded(exported: Path, tmp_path: Path) -> None:
    record = tmp_path / "record"
    refused(lambda: require_own(exported, record), "torchscript", "--trust", "--force")
    record_artifact(exported / "torchscript", record)
    require_own(exported, record)
    (exported / "torchscript" / "more.py").write_text("")
    refused(lambda: require_own(exported, record), "torchscript")
    (exported / "torchscript" / "more.py").unlink()
    require_own(exported, record)
    (exported / "torchscript" / "model.pt").write_bytes(b"other")
    refused(lambda: require_own(exported, record), "torchscript")

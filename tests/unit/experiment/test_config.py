"""bench.toml and target.toml: what is wrong is named, with the file, the key and what is allowed."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from bakeoff.errors import UsageError
from bakeoff.experiment.config import Config, load_config, shorten
from bakeoff.experiment.workloads import BoundedWorkload
from bakeoff.host.catalog import load_targets, make_endpoints
from bakeoff.host.cpus import Cpus, resolve_cpus
from bakeoff.schema import FLOORS, WIRE_PROTOCOLS, Target, Workload
from bakeoff.wire import WIRES

ROOT = Path(__file__).resolve().parents[3]
MODELS, TARGETS = ("digits_cnn", "mobilenet_v2"), tuple(load_targets())
BENCH = (ROOT / "bench.toml").read_text(encoding="utf-8")


def load(text: str, tmp_path: Path) -> Config:
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, MODELS, TARGETS)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('models = ["digits_cnn", "mobilenet_v2"]', 'models = ["resnet"]', ("models", "'resnet'", "digits_cnn")),
        ('targets = ["torchserve", ', 'targets = ["triton", ', ("targets", "'triton'", "lean-tflite")),
        ("rounds = 7\n", "rouns = 7\n", ("rouns: is an unknown key", "rounds", "base_port")),
        ("concurrency = 8", "concurency = 8", ("workloads.1.concurency", "concurrency", "warmup_s")),
        ("[quick]", "[quick]\nfast = 1", ("quick.fast", "duration_s")),
        ("warmup_s = 0.1", "warmup_s = -1", ("quick.warmup_s", "greater than or equal to 0")),
        ("duration_s = 0.5", "duration_s = 0", ("quick.duration_s", "greater than or equal to 0.1")),
        ("duration_s = 0.5", "duration_s = nan", ("quick.duration_s", "86400")),
        ("base_port = 0", 'base_port = 0\nformats = ["coreml"]', ("formats", "'coreml'", "tflite-int8")),
        ('targets = ["torchserve", ', "targets = []\n#", ("targets: is empty",)),
        ('models = ["digits_cnn", "mobilenet_v2"]', "models = []", ("models: is empty",)),
        ('protocols = ["rest", ', "protocols = []\n#", ("protocols: is empty",)),
        ("concurrency = 8", "concurrency = 0", ("workloads.1.concurrency", "greater than or equal to 1")),
        ("concurrency = 8", "concurrency = 1001", ("workloads.1.concurrency", "less than or equal to 1000")),
        ("concurrency = 8", "", ("workloads.1.concurrency: is missing", "closed arrivals")),
        ("rounds = 7\n", "rounds = 0\n", ("rounds: ", "greater than or equal to 1")),
        ("duration_s = 1.3         # measured", "duration_s = 0", ("duration_s",)),
        ('arrival = "closed"', 'arrival = "uniform"', ("arrival", "'closed'")),
        ('arrival = "closed"', 'arrival = "constant"', ("workloads.0.concurrency", "constant arrivals", "rate_rps")),
        ("rate_rps = 125", "rate_rps = 0", ("workloads.2.rate_rps", "greater than or equal to 0.01")),
        ("rate_rps = 125", "rate_rps = nan", ("workloads.2.rate_rps", "100000")),
        ("rate_rps = 125", "concurrency = 2", ("workloads.2.concurrency", "poisson arrivals", "rate_rps")),
        (
            "max_outstanding = 1000",
            "max_outstanding = 0",
            ("workloads.2.max_outstanding", "greater than or equal to 1"),
        ),
        (
            "max_request_bytes = 1_000_000",
            "max_request_bytes = 0",
            ("workloads.1.max_request_bytes", "greater than or equal to 1"),
        ),
        ("price_per_hour = 0.10", "price_per_hour = -1", ("price_per_hour", "greater than or equal to 0")),
        ("price_per_hour = 0.10", "price_per_hour = nan", ("price_per_hour", "finite")),
        ('models = ["digits_cnn"]  # which', 'models = ["resnet"]  # which', ("workloads.2.models", "'resnet'")),
        ('workloads = ["c1", "c8"]', 'workloads = ["c2"]', ("quick.workloads", "'c2'", "c8")),
        ('name = "c8"', 'name = "c1"', ("'c1' stands twice",)),
        ('judged_by = "p50"', 'judged_by = "max"', ("workloads.0.judged_by", "'max'", "p99", "throughput")),
        ('name = "c8"', 'name = "../c8"', ("workloads.1.name", "letters")),
        ("base_port = 0", "base_port = 70000", ("base_port", "less than or equal to 65000")),
        ('protocols = ["rest"', 'protocols = ["soap"', ("protocols.0", "binary")),
        ("seed = 20260101", "seed = ", ("my.toml",)),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, says: tuple[str, ...], tmp_path: Path) -> None:
    assert old in BENCH
    with pytest.raises(UsageError) as caught:
        load(BENCH.replace(old, new, 1), tmp_path)
    assert caught.value.status == 2
    for part in ("my.toml", *says):
        assert part in str(caught.value)


def test_workloads_are_those_of_the_schema(tmp_path: Path) -> None:
    assert {type(workload) for workload in load(BENCH, tmp_path).workloads} == {Workload}


def test_the_bounds_leave_the_defaults_as_they_are() -> None:
    known = {field.name: field.default for field in fields(Workload)}
    assert {field.name: field.default for field in fields(BoundedWorkload)} == known


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone.toml: no such file"):
        load_config(tmp_path / "gone.toml", MODELS, TARGETS)


def test_a_model_is_a_folder_beside_the_file_or_anywhere(tmp_path: Path) -> None:
    for folder in (tmp_path / "mine", tmp_path / "other" / "third"):
        folder.mkdir(parents=True)
        (folder / "model.py").write_text("", encoding="utf-8")
    models = f'models = ["./mine", "digits_cnn", "{tmp_path}/other/third", "hf:owner/tiny"]'
    text = BENCH.replace('models = ["digits_cnn", "mobilenet_v2"]', models)
    config = load(text.replace('models = ["digits_cnn"]  # which', 'models = ["third"]  # which'), tmp_path)
    assert config.models == (f"{tmp_path}/mine", "digits_cnn", f"{tmp_path}/other/third", "hf:owner/tiny")


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "digits_cnn").mkdir()
    (tmp_path / "digits_cnn" / "model.py").write_text("", encoding="utf-8")
    text = BENCH.replace('models = ["digits_cnn", "mobilenet_v2"]', 'models = ["digits_cnn", "./digits_cnn"]')
    with pytest.raises(UsageError, match="my.toml: models: two models are called digits_cnn"):
        load(text, tmp_path)


def test_quick_is_one_small_model_and_short_trials() -> None:
    quick = shorten(load_config(ROOT / "bench.toml", MODELS, TARGETS))
    assert quick.models == ("digits_cnn",)
    assert {w.concurrency for w in quick.workloads} == {1, 8}
    assert all(w.duration_s < 2 for w in quick.workloads)


def test_each_workload_says_what_it_is_judged_by(tmp_path: Path) -> None:
    def judges(text: str) -> dict[str, str]:
        return {w.name: w.judged_by for w in load(text, tmp_path).workloads}

    usual = {"c1": "p50", "c8": "throughput", "open": ""}
    silent = BENCH.replace('judged_by = "p50"\n', "").replace('judged_by = "throughput"\n', "")
    assert judges(BENCH) == usual and "judged_by =" not in silent
    assert judges(silent) == usual, "an experiment written before there was a choice"
    assert judges(silent.replace("rate_rps = 125", 'rate_rps = 125\njudged_by = "p99"')) == {
        "c1": "",
        "c8": "",
        "open": "p99",
    }


def test_automatic_cpu_sets_are_disjoint_where_there_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bakeoff.host.cpus.find_siblings", lambda cpu: {cpu})
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 5, 7})
    assert resolve_cpus(Cpus()) == Cpus("3", "5,7")
    assert resolve_cpus(Cpus(server="5")) == Cpus("5", "5,7")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {2})
    assert resolve_cpus(Cpus()) == Cpus("2", "2")


def test_threads_of_a_core_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr("bakeoff.host.cpus.find_siblings", lambda cpu: {cpu % 2, cpu % 2 + 2})
    assert resolve_cpus(Cpus()) == Cpus("0,2", "1,3")


@pytest.mark.parametrize("text", ["99999", "one", "", "0-", "1-x"])
def test_a_cpu_set_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cpus.load"):
        resolve_cpus(Cpus(load=text))


def test_every_target_folder_is_in_the_default_experiment() -> None:
    assert set(load_config(ROOT / "bench.toml", MODELS, TARGETS).targets) == set(TARGETS) - FLOORS


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('formats = ["coreml"]', "'coreml' is unknown"),
        ('wires = ["soap"]', "'soap' is unknown"),
        ('name = "other"', "its folder's name"),
        ('colour = "red"', "colour"),
    ],
)
def test_a_wrong_target_is_named(line: str, says: str, tmp_path: Path) -> None:
    fields = {
        "name": '"mine"',
        "framework": '"none"',
        "server": '"mine"',
        "package": '"mine"',
        "formats": '["torchscript"]',
        "wires": '["tfserving-rest"]',
        "program": '"server.py"',
    }
    key, value = line.split(" = ")
    path = tmp_path / "mine" / "target.toml"
    path.parent.mkdir()
    path.write_text("\n".join(f"{k} = {v}" for k, v in {**fields, key: value}.items()), encoding="utf-8")
    with pytest.raises(UsageError, match=says) as caught:
        load_targets(tmp_path)
    assert str(path) in str(caught.value)


def test_endpoint_ids() -> None:
    tflite, echo = load_targets()["lean-tflite"], load_targets()["echo"]
    ids = [e.id for e in make_endpoints("m", tflite, ["tflite-fp32", "tflite-int8"], ["rest", "grpc"])]
    assert ids == [
        "lean-tflite-rest",
        "lean-tflite-grpc",
        "lean-tflite@tflite-int8-rest",
        "lean-tflite@tflite-int8-grpc",
    ]
    echoes = [e.id for e in make_endpoints("m", echo, ["none"], ["rest", "binary", "grpc"])]
    assert len(set(echoes)) == 6 and "echo-torchserve-rest" in echoes


def test_a_target_speaks_only_the_protocols_asked_for() -> None:
    target = Target("t", "none", "t", ("none",), ("tfserving-rest", "tfserving-grpc"), program="p")
    assert [e.wire for e in make_endpoints("m", target, ["none"], ["grpc"])] == ["tfserving-grpc"]


def test_the_table_of_wires_is_the_codecs() -> None:
    assert {name: wire.protocol for name, wire in WIRES.items()} == WIRE_PROTOCOLS

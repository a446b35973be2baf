"""Models of Hugging Face: a tiny BERT with random weights, made here; and what is said where one can't be had."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "models" / "export.py"
HAS_EXTRA = importlib.util.find_spec("transformers") is not None
needs_extra = pytest.mark.skipif(not HAS_EXTRA, reason="models/requirements-hf.txt is not installed here")


def export(source: str, out: Path, *options: str) -> tuple[int, list[dict[str, str | None]], str]:
    command = [sys.executable, str(PROGRAM), "--model-folder", source, "--out", str(out), *options]
    # a hub that nobody listens for
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(out)}
    environment["HF_HUB_DOWNLOAD_TIMEOUT"] = environment["HF_HUB_ETAG_TIMEOUT"] = "1"
    finished = subprocess.run(command, capture_output=True, text=True, timeout=1500, env=environment, check=False)
    return finished.returncode, [json.loads(line) for line in finished.stdout.splitlines()], finished.stderr


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("hf") / "tiny.bert"
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=100, max_position_embeddings=40, initializer_range=0.2, num_labels=3, **sizes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@needs_extra
def test_a_classifier_is_exported_with_batch_and_length_free(bert: Path, tmp_path: Path) -> None:
    status, events, stderr = export(f"hf:{bert}", tmp_path, "--format", "torchscript", "tflite-fp32")
    assert status == 0, events
    model = json.loads((tmp_path / "tiny-bert" / "model.json").read_text())
    assert (model["name"], model["lengths"]) == ("tiny-bert", [8, 32])
    assert [(spec["name"], spec["shape"]) for spec in model["inputs"]] == [
        ("input_ids", [None, None]),
        ("attention_mask", [None, None]),
    ]
    assert model["outputs"] == [{"name": "logits", "dtype": "float32", "shape": [None, 3]}]
    for name in ("torchscript", "tflite-fp32"):
        parity = json.loads((tmp_path / "tiny-bert" / name / "manifest.json").read_text())["parity"]
        assert len(parity) == 6
        assert max(row["max_abs_error"] for row in parity) < 1e-4


@needs_extra
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"architectures": ["BertForMaskedLM"]}, "holds BertForMaskedLM; hf: takes text classifiers"),
        ({"auto_map": {"AutoModel": "mine.Model"}}, "comes with code of its own, which is never run"),
    ],
)
def test_another_kind_of_model_is_refused(bert: Path, tmp_path: Path, change: dict[str, object], words: str) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    config = json.loads((bert / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes((bert / "model.safetensors").read_bytes())
    status, events, _ = export(f"hf:{folder}", tmp_path / "out")
    assert (status, len(events)) == (2, 1)
    assert words in (events[0]["message"] or "")


@needs_extra
def test_a_hub_that_can_not_be_reached_is_told(tmp_path: Path) -> None:
    status, events, stderr = export("hf:nobody/nothing", tmp_path)
    assert (status, len(events)) == (1, 1)
    message = events[0]["message"] or ""
    assert "hf:nobody/nothing: the hub can't be reached" in message
    assert "hf:PATH" in message
    assert "Traceback" not in stderr


@pytest.mark.skipif(HAS_EXTRA, reason="models/requirements-hf.txt is installed here")
def test_a_missing_extra_is_told(tmp_path: Path) -> None:
    status, events, stderr = export("hf:nobody/nothing", tmp_path)
    assert (status, len(events)) == (2, 1)
    assert "models/requirements-hf.txt" in (events[0]["message"] or "")
    assert "Traceback" not in stderr


def test_weights_of_an_hf_model_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "w.pt").touch()
    status, events, stderr = export("hf:nobody/nothing", tmp_path, "--weights", str(tmp_path / "w.pt"))
    assert (status, events) == (2, [])
    assert "hf: models have their own" in stderr

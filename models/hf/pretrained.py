"""A Hugging Face model as a model.py would have it: text classification, or an encoder's last hidden state.

Needs models/requirements-hf.txt. Only safetensors files are read, and no code that comes with a model is ever run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from contract import ModelFolderError
from user_code import ModelError, brief

FILES = ("config.json", "*.safetensors", "model.safetensors.index.json")
_EXTRA = "hf: models need models/requirements-hf.txt, which scripts/bakeoff installs by itself"
_CLASSIFIER = "ForSequenceClassification"
_LONGEST = 512
_LENGTHS = (8, 32, 128)
# These count positions from behind the padding token's id, so that they have fewer than their configuration says.
_COUNT_FROM_PADDING = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "esm")


def fetch(name: str) -> Path:
    """Return the local folder of a model of the hub, downloaded where it isn't cached; raises ModelError."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError
    except ImportError:
        raise ModelFolderError(_EXTRA) from None
    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ModelFolderError(f"hf:{name}: {brief(error).splitlines()[0]}, nor is there such a folder") from None
    except Exception as error:  # of whichever library could not connect
        reason = brief(error).splitlines()[0]
        raise ModelError(
            f"hf:{name}: the hub can't be reached and the model isn't cached ({type(error).__name__}: {reason}); "
            "download it where there is a network, and name its folder: hf:PATH"
        ) from error


def declare(folder: Path) -> dict[str, Any]:
    """Give what a model.py holds; raises ModelFolderError for other kinds of models."""
    config = _read_config(folder)
    is_classifier = config.architectures[0].endswith(_CLASSIFIER)
    longest = _longest(config)
    lengths = [length for length in _LENGTHS if length <= longest]
    return {
        "build": lambda weights=None: _build(folder, is_classifier),
        "samples": _samples(config),
        "INPUTS": [
            {"name": "input_ids", "dtype": "int64", "shape": [None, [2, longest]], "range": [0, config.vocab_size - 1]},
            {"name": "attention_mask", "dtype": "int64", "shape": [None, [2, longest]], "range": [0, 1]},
        ],
        "OUTPUTS": ["logits" if is_classifier else "last_hidden_state"],
        "LENGTHS": lengths if len(lengths) > 1 else [longest // 2, longest],
        "ATOL": 1e-4,
        "RTOL": 0.0,
    }


def _read_config(folder: Path) -> Any:
    try:
        from transformers import AutoConfig
    except ImportError:
        raise ModelFolderError(_EXTRA) from None
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise ModelFolderError(f"{folder} lacks config.json or *.safetensors, as save_pretrained() writes them")
    if "auto_map" in json.loads((folder / "config.json").read_text(encoding="utf-8")):
        raise ModelFolderError(f"{folder} comes with code of its own, which is never run; write a model.py for it")
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    kind = (config.architectures or ["no architecture"])[0]
    is_text = getattr(config, "vocab_size", None) and not config.is_encoder_decoder
    if not is_text or not kind.endswith((_CLASSIFIER, "Model")):
        raise ModelFolderError(
            f"{folder} holds {kind}; hf: takes text classifiers (...{_CLASSIFIER}) and encoders (...Model); write a "
            "model.py for anything else"
        )
    return config


def _longest(config: Any) -> int:
    """Return how many tokens a text may have."""
    positions = getattr(config, "max_position_embeddings", None) or _LONGEST
    if config.model_type in _COUNT_FROM_PADDING:
        positions -= config.pad_token_id + 1
    return min(positions, _LONGEST)


def _build(folder: Path, is_classifier: bool) -> Any:
    from hf.encoder import Encoder
    from transformers import AutoModel, AutoModelForSequenceClassification

    kind = AutoModelForSequenceClassification if is_classifier else AutoModel
    options = {"local_files_only": True, "trust_remote_code": False, "use_safetensors": True, "dtype": "float32"}
    network, loaded = kind.from_pretrained(folder, output_loading_info=True, **options)
    lacking = sorted(name for name in loaded["missing_keys"] if is_classifier or "pooler" not in name)
    if lacking:
        raise ModelFolderError(f"{folder}: its files lack the weights {', '.join(lacking[:3])}")
    return Encoder(network, "logits" if is_classifier else "last_hidden_state").eval()


def _samples(config: Any) -> Callable[[int, int, int], dict[str, np.ndarray]]:
    def samples(n: int, seed: int, length: int) -> dict[str, np.ndarray]:
        """Draw n texts of random tokens, every other one padded at its end."""
        generator = np.random.default_rng(seed)
        tokens = generator.integers(0, config.vocab_size, (n, length))
        used = np.where(np.arange(n) % 2, generator.integers(1, length + 1, n), length)
        mask = (np.arange(length) < used[:, None]).astype(np.int64)
        return {"input_ids": np.where(mask, tokens, config.pad_token_id or 0), "attention_mask": mask}

    return samples

"""What a model.py may declare, what its samples must be, and what is said of one that breaks the contract or fails."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from contract import ModelFolderError, read_contract
from parity import ParityError, check_parity, make_references
from user_code import ModelError
from zoo_model import Arrays, ZooModel, check_variation, load_model

MakeFolder = Callable[..., Path]


@pytest.fixture(scope="session")
def sequences(make_sequences: MakeFolder) -> ZooModel:
    return load_model(make_sequences())


def declared(**changes: Any) -> dict[str, Any]:
    """Give the names of a model.py that keeps the contract, with changes."""
    inputs = [{"name": "x", "dtype": "float32", "shape": [None, [2, 8]]}]
    kept = {"build": dict, "samples": dict, "INPUTS": inputs, "OUTPUTS": ["y"], "LENGTHS": [2, 8], "ATOL": 0, "RTOL": 0}
    return kept | changes


def one_input(**changes: Any) -> dict[str, Any]:
    return {"INPUTS": [{"name": "x", "dtype": "float32", "shape": [None, [2, 8]]} | changes]}


def test_bounds_ranges_and_lengths_are_read(sequences: ZooModel) -> None:
    tokens, weight = sequences.contract.inputs
    assert (tokens.bounds, tokens.range) == (((1, 64), (2, 16)), (0, 9))
    assert weight.bounds == ((1, 64), (3, 3))
    assert sequences.lengths == (4, 9)
    assert [spec["shape"] for spec in sequences.inputs] == [[[1, 64], [2, 16]], [[1, 64], 3]]
    assert [spec["shape"] for spec in sequences.input_specs] == [[None, None], [None, 3]]


def test_outputs_of_a_dict_are_taken_by_name(sequences: ZooModel) -> None:
    assert sequences.outputs == [
        {"name": "logits", "dtype": "float32", "shape": [None, 3]},
        {"name": "each", "dtype": "float32", "shape": [None, None, 3]},
    ]
    arrays = sequences.samples(2, 0, 4)
    each, weight = sequences.predict(arrays)["each"], arrays["weight"]
    np.testing.assert_allclose(sequences.predict(arrays)["logits"], each.sum(1) * weight, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (one_input(dtype="float"), "INPUTS[0]: dtype: is 'float'; allowed: float32"),
        (one_input(shape=[2, 8]), "INPUTS[0]: shape[0]: is 2; the first dimension is the batch: None or [1, high]"),
        (one_input(shape=[[1, 2], 8]), "high at least 3"),
        (one_input(shape=[[2, 9], 8]), "None or [1, high]"),
        (one_input(shape=[]), "INPUTS[0]: shape: is []; must be a list"),
        (one_input(shape=[None, [8, 2]]), "shape[1]: is [8, 2]; allowed: a number from 1, None (free), or [low, high]"),
        (one_input(shape=[None, 0]), "shape[1]: is 0"),
        (one_input(shape=[None, "any"]), "shape[1]: is 'any'"),
        (one_input(range=[3, 1]), "INPUTS[0]: range: is [3, 1]; must be [low, high]"),
        (one_input(rnage=[0, 1]), "INPUTS[0]: 'rnage' is unknown; allowed: name, dtype, shape and, if you like, range"),
        (one_input(name="a b"), "must be a list of names of letters, digits and _"),
        ({"INPUTS": []}, "INPUTS: must be a list of names of letters, digits and _, at least one"),
        (
            {"INPUTS": [*one_input()["INPUTS"], *one_input(name="z", shape=[[1, 9]])["INPUTS"]]},
            "the same in the shape of",
        ),
        ({"INPUTS": "x"}, "INPUTS: must be a list of dicts"),
        ({"INPUTS": one_input()["INPUTS"] * 2}, "INPUTS: the name 'x' stands there twice"),
        ({"INPUTS": [{"name": "x", "dtype": "float32"}]}, "INPUTS[0]: lacks shape"),
        ({"OUTPUTS": "logits"}, "OUTPUTS: must be a list of names"),
        ({"LENGTHS": None}, "LENGTHS: is None; must be a list of at least two different numbers"),
        ({"LENGTHS": [8]}, "since x has a free dimension beyond the batch"),
        ({"LENGTHS": [8, 8]}, "LENGTHS: is [8, 8]"),
        ({"LENGTHS": [[2, 8], 8]}, "LENGTHS: is [[2, 8], 8]"),
        (one_input(shape=[None, 8]), "LENGTHS: stands there though no input has a free dimension beyond the batch"),
        ({"ATOL": -1e-4}, "ATOL: is -0.0001; must be a number from 0"),
        ({"RTOL": "0"}, "RTOL: is '0'"),
        ({"VARIATION": 1}, "VARIATION: is 1; must be a number from 2"),
        ({"UNTRAINED": 1}, "UNTRAINED: is 1; must be True or False"),
        ({"evaluate": 0.9}, "evaluate: is a float, must be a function"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(changes: dict[str, Any], words: str) -> None:
    read_contract(declared())
    with pytest.raises(ModelFolderError, match=re.escape(words)):
        read_contract(declared(**changes))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "drawn['tokens'] = drawn['tokens'].astype('int32')",
            "tokens is int32 [2, 4], INPUTS says int64 [[1, 64], [2, 16]]",
        ),
        ("drawn['tokens'] = drawn['tokens'] + 1", "tokens holds values from 6 to 10, its range in INPUTS is [0, 9]"),
        (
            "drawn['tokens'] = np.tile(drawn['tokens'], 5)",
            "tokens is int64 [2, 20]; INPUTS allows 2 to 16 in dimension 1",
        ),
        ("drawn['weight'] = drawn['weight'][:, :2]", "weight is float32 [2, 2]; INPUTS allows 3 in dimension 1"),
        ("drawn['weight'] = drawn['weight'][:1]", "must be the 2 samples that were asked for"),
        ("drawn['weight'] = drawn['weight'] * np.float32('nan')", "weight holds NaN or infinity"),
        ("drawn['weight'] = drawn['weight'].tolist()", "weight is a list, not a numpy array"),
        ("del drawn['weight']", "samples(2, 0, 4) gives tokens; must be arrays by name: tokens, weight"),
        ("drawn = list(drawn)", "gives a list; must be arrays by name"),
        ("drawn['weight'] = np.random.rand(n, 3).astype('float32')", "samples() gives other weight for the same seed"),
        ("drawn['tokens'] = drawn['tokens'][:, :3]", "gives tokens one size in its free dimension 1 at every length"),
    ],
)
def test_samples_that_do_not_fit_are_refused(make_sequences: MakeFolder, change: str, words: str) -> None:
    extra = f"""
draw = samples
def samples(n, seed, length):
    drawn = draw(n, seed, length)
    {change}
    return drawn
"""
    with pytest.raises(ModelFolderError, match=re.escape(words)):
        load_model(make_sequences(extra))


@pytest.mark.parametrize(
    ("extra", "words", "line"),
    [
        ("def build(weights=None): return {}['missing']", "build() raised KeyError: 'missing'", "return {}['missing']"),
        ("def build(weights=None): raise SystemExit(3)", "build() raised SystemExit: 3", "raise SystemExit(3)"),
        ("class Odd(Exception): pass\ndef samples(*a): raise Odd", "samples() raised Odd", "raise Odd"),
        ("def samples(n, seed): return {}", "samples() raised TypeError", ""),
        ("Sequences.forward = lambda self, a, b: a @ b", "the network raised RuntimeError", "lambda self, a, b: a @ b"),
        ("import nowhere", "importing model.py raised ModuleNotFoundError", "import nowhere"),
        ("def build(:", "importing model.py raised SyntaxError", "def build(:"),
        ("def evaluate(predict): return predict({})", "evaluate() raised", "return predict({})"),
    ],
)
def test_what_fails_in_the_users_code_is_told_with_its_line(
    make_sequences: MakeFolder, extra: str, words: str, line: str
) -> None:
    folder = make_sequences(extra)
    number = len((folder / "model.py").read_text().splitlines())
    with pytest.raises(ModelError) as raised:
        model = load_model(folder)
        model.evaluate(lambda arrays: {}["logits"])  # type: ignore[misc]
    assert words in str(raised.value)
    if line:
        assert f"at {folder / 'model.py'} line {number}: " in str(raised.value)
        assert line in str(raised.value)


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("made = build\ndef build(weights=None): return made().train()", "training mode (the network): call .eval()"),
        ("made = build\ndef build(weights=None):\n n = made(); n.head.train(); return n", "training mode (head)"),
        ("def build(weights=None): return 3", "returns a int, not a torch.nn.Module"),
        ("OUTPUTS = ['logits', 'other']", "the network returns each, logits, unused, but not other of OUTPUTS"),
        ("Sequences.forward = lambda self, a, b: (b, b, b)", "the network returns 3 tensors, OUTPUTS names 2"),
        ("Sequences.forward = lambda self, a, b: (b, None)", "returns a tuple that is neither tensors nor a dict"),
        ("Sequences.forward = lambda self, a, b: (b.sum(), b)", "first dimension of sequences's output logits is not"),
        (
            "made = build\ndef build(weights=None):\n n = made(); n.head.weight.data[0] = np.nan; return n",
            "are broken: head.weight holds NaN",
        ),
    ],
)
def test_a_network_that_cannot_be_compared_is_refused(make_sequences: MakeFolder, extra: str, words: str) -> None:
    with pytest.raises(ModelError, match=re.escape(words)):
        load_model(make_sequences(extra))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "EOFError"), (b"PK\x03\x04 cut off", "PytorchStreamReader"), (None, "Weights only load failed")],
    ids=["empty", "truncated", "a pickled module"],
)
def test_weights_that_cannot_be_loaded_are_told(
    make_model_folder: MakeFolder, tmp_path: Path, content: bytes | None, words: str
) -> None:
    weights = tmp_path / "w.pt"
    if content is None:
        torch.save(torch.nn.Linear(1, 1), weights)
    else:
        weights.write_bytes(content)
    with pytest.raises(ModelError) as raised:
        load_model(make_model_folder(), weights)
    assert words in str(raised.value)
    assert f"build({weights})" in str(raised.value)
    assert "torch.load(weights, weights_only=True)" in str(raised.value)


def test_golden_samples_are_divided_among_the_lengths(sequences: ZooModel) -> None:
    references = make_references(sequences)
    assert [reference.length for reference in references] == [4, 9]
    assert [reference.inputs["tokens"].shape for reference in references] == [(16, 4), (16, 9)]
    assert [reference.outputs["each"].shape for reference in references] == [(16, 4, 3), (16, 9, 3)]
    for reference in references:
        check_variation(sequences, reference.outputs)


def test_how_much_outputs_must_vary_may_be_declared(make_sequences: MakeFolder) -> None:
    model = load_model(make_sequences("VARIATION = 10_000_000"))
    with pytest.raises(ModelError, match="less than 1e[+]07 times its tolerance"):
        check_variation(model, make_references(model)[0].outputs)


def test_a_length_that_was_baked_in_is_found(sequences: ZooModel) -> None:
    def predict(arrays: Arrays) -> Arrays:
        return sequences.predict(arrays | {"tokens": arrays["tokens"][:, :4]})

    exact = check_parity(sequences, make_references(sequences)[:1], predict, "r", is_exact=True)
    assert [(row["batch"], row["length"]) for row in exact] == [(1, 4), (2, 4), (3, 4)]
    with pytest.raises(ParityError, match="at batch 1, length 9: r gives other arrays than PyTorch: output each is"):
        check_parity(sequences, make_references(sequences), predict, "r", is_exact=False)

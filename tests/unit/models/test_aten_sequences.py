"""Networks over sequences: the same numbers as PyTorch at any batch and length, in TensorFlow and TensorFlow Lite."""

from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf
import torch
from ai_edge_litert.interpreter import Interpreter
from aten_to_tf.convert import Input, convert
from aten_to_tf.errors import ConversionError
from torch import nn
from torch.nn import functional as F

WORDS, WIDTH, LONGEST = 50, 8, 64
TOKENS = Input("tokens", "int64", (None, (2, LONGEST)))
SIZES = [(1, 2), (3, 9), (2, 40)]


def tokens(batch: int, length: int) -> torch.Tensor:
    """Draw tokens; the last quarter of each row is padding, which is 0."""
    drawn = torch.randint(1, WORDS, (batch, length), generator=torch.Generator().manual_seed(length))
    drawn[:, length - length // 4 :] = 0
    return drawn


def check(network: nn.Module, outputs: Sequence[str]) -> None:
    """Compare a network with its conversion at several batches and lengths, none of them the example's."""
    network.eval()
    model = convert(network, [tokens(2, 7)], [TOKENS], outputs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([model.predict], model)
    run = Interpreter(model_content=converter.convert(), num_threads=1).get_signature_runner("serving_default")
    for size in SIZES:
        x = tokens(*size)
        with torch.no_grad():
            returned = network(x)
        expected = [returned] if isinstance(returned, torch.Tensor) else list(returned)
        in_tensorflow, in_lite = model.predict(tokens=tf.constant(x.numpy())), run(tokens=x.numpy())
        for name, tensor in zip(outputs, expected, strict=True):
            for actual in (in_tensorflow[name].numpy(), in_lite[name]):
                assert actual.dtype == tensor.numpy().dtype
                np.testing.assert_allclose(actual, tensor.numpy(), atol=1e-5)


class Recurrent(nn.Module):
    """A classifier by a recurrent layer, and everything else such a layer gives."""

    def __init__(self, kind: type[nn.RNNBase], **settings: object) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.layer = kind(WIDTH, 6, **settings)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        words = self.words(x)
        y, states = self.layer(words if self.layer.batch_first else words.transpose(0, 1))
        y = y if self.layer.batch_first else y.transpose(0, 1)
        kept = (x != 0).unsqueeze(-1)
        mean = (y * kept).sum(1) / kept.sum(1).clamp(min=1)
        positions = torch.arange(x.shape[1]) * x  # of the length itself, which must not become the example's
        last = states if isinstance(states, tuple) else (states,)
        return mean, y[:, -1], y.reshape(x.shape[0], -1)[:, -5:], positions, *(state.transpose(0, 1) for state in last)


RECURRENT = {
    "lstm": Recurrent(nn.LSTM, batch_first=True),
    "lstm, two layers, both ways": Recurrent(nn.LSTM, batch_first=True, num_layers=2, bidirectional=True),
    "lstm, projected, no bias": Recurrent(nn.LSTM, proj_size=3, bias=False, num_layers=2),
    "gru": Recurrent(nn.GRU),
    "gru, two layers, both ways, no bias": Recurrent(
        nn.GRU, batch_first=True, num_layers=2, bidirectional=True, bias=False
    ),
    "rnn by tanh": Recurrent(nn.RNN),
    "rnn by relu, both ways": Recurrent(nn.RNN, nonlinearity="relu", bidirectional=True),
}


@pytest.mark.parametrize("network", RECURRENT.values(), ids=RECURRENT.keys())
def test_recurrent(network: Recurrent) -> None:
    states = 2 if isinstance(network.layer, nn.LSTM) else 1
    check(network, ["mean", "last", "flat", "positions", "hidden", "cell"][: 4 + states])


class Encoder(nn.Module):
    """PyTorch's own encoder layers over embedded words and positions, with padding masked."""

    def __init__(self, **settings: object) -> None:
        super().__init__()
        self.words, self.positions = nn.Embedding(WORDS, WIDTH), nn.Embedding(LONGEST, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 16, batch_first=True, **settings)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        padding = x == 0
        y = self.encoder(self.words(x) + self.positions.weight[: x.shape[1]], src_key_padding_mask=padding)
        kept = (~padding).unsqueeze(-1).float()
        return (y * kept).sum(1) / kept.sum(1).clamp(min=1)


class OwnAttention(nn.Module):
    """Attention written out, with a mask, and by scaled_dot_product_attention in its variants."""

    def __init__(self, attend: str) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.positions = nn.Parameter(torch.randn(LONGEST, WIDTH))
        self.project, self.out, self.norm = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)
        self.attend = attend

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length = x.shape
        y = self.words(x) + self.positions[:length]
        query, key, value = self.project(y).view(batch, length, 3, 2, -1).permute(2, 0, 3, 1, 4).unbind(0)
        seen = (x != 0)[:, None, None, :]
        if self.attend == "written out":
            scores = (query @ key.transpose(-2, -1) * 0.3).masked_fill(~seen, float("-inf"))
            heads = torch.softmax(scores, -1) @ value
        elif self.attend == "mask of bool":
            heads = F.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        elif self.attend == "mask that is added":
            heads = F.scaled_dot_product_attention(query, key, value, attn_mask=(1.0 - seen.float()) * -1e4)
        elif self.attend == "nothing to see":
            heads = F.scaled_dot_product_attention(
                query, key, value, attn_mask=seen & (x[:, :1] > 25)[:, :, None, None]
            )
        elif self.attend == "causal":
            heads = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        else:
            heads = F.scaled_dot_product_attention(query, key[:, :1], value[:, :1], scale=0.5, enable_gqa=True)
        return self.norm(y + self.out(heads.transpose(1, 2).reshape(batch, length, -1))).mean(1)


ENCODERS = {
    "encoder": Encoder(activation="gelu"),
    "encoder, norm first": Encoder(norm_first=True),
    **{
        f"own attention, {attend}": OwnAttention(attend)
        for attend in ("written out", "mask of bool", "mask that is added", "nothing to see", "causal", "shared keys")
    },
}


@pytest.mark.parametrize("network", ENCODERS.values(), ids=ENCODERS.keys())
def test_encoder(network: nn.Module) -> None:
    check(network, ["pooled"])


class ByName(nn.Module):
    """A network that returns a dict, with more in it than is wanted."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor | None]:
        return {"twice": 2 * x, "nothing": None, "length": (x != 0).sum(1)}


def test_outputs_of_a_dict_are_found_by_name() -> None:
    model = convert(ByName(), [tokens(2, 7)], [TOKENS], ["length", "twice"])
    x = tokens(3, 9)
    actual = model.predict(tokens=tf.constant(x.numpy()))
    assert list(actual) == ["length", "twice"]
    np.testing.assert_array_equal(actual["length"].numpy(), (x != 0).sum(1).numpy())
    np.testing.assert_array_equal(actual["twice"].numpy(), 2 * x.numpy())


def test_an_output_that_the_dict_lacks_is_named_with_what_it_has() -> None:
    with pytest.raises(ConversionError, match=r"a dict without logits, .* it has twice, length"):
        convert(ByName(), [tokens(2, 7)], [TOKENS], ["logits"])


class FixedLength(nn.Module):
    """A network that makes a constant of the example's length."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return sum(x[:, i] * i for i in range(x.shape[1]))


def test_a_free_length_that_becomes_a_constant_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"can't follow the model: .*\.size\(\)\[1\]"):
        convert(FixedLength(), [tokens(2, 7)], [TOKENS], ["y"])


@pytest.mark.parametrize("length", [(2, 2 * LONGEST), None], ids=str)
def test_a_length_that_the_model_does_not_reach_is_refused(length: tuple[int, int] | None) -> None:
    with pytest.raises(ConversionError, match=rf"only with sizes from \d to {LONGEST}.*\[\d, {LONGEST}\] in INPUTS"):
        convert(Encoder().eval(), [tokens(2, 7)], [Input("tokens", "int64", (None, length))], ["y"])

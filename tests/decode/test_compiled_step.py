"""A compiled step predicts what the model's own step predicts."""

from functools import partial

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.gru import GRU
from throughtime.cell.layernorm_lstm import LayerNormLSTM
from throughtime.cell.lstm import LSTM
from throughtime.cell.mingru import MinGRU
from throughtime.decode.beam import Beam
from throughtime.decode.compiled_step import compiled_step
from throughtime.decode.greedy import Greedy
from throughtime.decode.prime import prime, step_of
from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.engine.reference import Reference
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel

SYMBOLS, SIZE, UNWRITABLE = 11, 6, 3
MODELS = {
    "elman": (Elman, {}),
    "gru": (GRU, {"depth": 2}),
    "layernorm_lstm": (LayerNormLSTM, {}),
    "lstm": (LSTM, {"depth": 2, "layer_norm": True, "residual": True, "dropout": 0.5}),
    "mingru": (MinGRU, {"residual": True}),
}


def make(name, tied=False, dtype=torch.float32, layers=Stack):
    torch.manual_seed(0)
    cell, options = MODELS[name]
    model = SequenceModel(
        front=partial(Embedding, size=SIZE),
        layers=partial(layers, **options),
        cell=partial(cell, hidden_size=SIZE),
        engine=Reference(),
        vocabulary_size=SYMBOLS,
    ).to(dtype)
    head = Softmax(model.output_size, SYMBOLS, tied=tied).to(dtype)
    if tied:
        head.tie(model.front.weight)
    excluded = torch.zeros(SYMBOLS, dtype=dtype)
    excluded[UNWRITABLE] = -torch.inf
    return model.eval(), head.eval(), excluded


def ordinary(model, head, excluded):
    return step_of(model.step, lambda features: head.predict(features) + excluded)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_it_is_the_models_own_step(name, tied):
    parts = make(name, tied)
    ids = torch.randint(SYMBOLS, (50, 4))
    step, own = compiled_step(*parts, ids[0]), ordinary(*parts)
    state = expected = parts[0].initial_state(4)
    with torch.inference_mode():
        for row in ids:
            (found, state), (due, expected) = step(row, state), own(row, expected)
            assert (found[:, UNWRITABLE] == -torch.inf).all()
            torch.testing.assert_close(found, due, rtol=0, atol=1e-5)


def test_a_beam_may_choose_from_its_states():
    model, head, excluded = make("lstm", dtype=torch.float64)
    prompt = torch.tensor([[1], [2]])
    predicted, state = prime(model, head.predict, prompt, model.initial_state(1))
    predicted = predicted + excluded

    def written(step):
        return torch.stack(list(Beam(3)(step, predicted, state, 20, end=0)))

    step = compiled_step(model, head, excluded, prompt[0])
    assert torch.equal(written(step), written(ordinary(model, head, excluded)))


def test_it_has_the_weights_of_the_time_it_was_made():
    model, head, excluded = make("gru", dtype=torch.float64)
    compiled_step(model, head, excluded, torch.zeros(1, dtype=torch.long))
    with torch.no_grad():
        for parameter in (*model.parameters(), *head.parameters()):
            parameter.mul_(-1.5)
    predicted = excluded.new_zeros(1, SYMBOLS)

    def written(step):
        return torch.stack(list(Greedy()(step, predicted, model.initial_state(1), 30)))

    step = compiled_step(model, head, excluded, torch.zeros(1, dtype=torch.long))
    assert torch.equal(written(step), written(ordinary(model, head, excluded)))


@pytest.mark.parametrize("why", ["training", "half precision", "a precision of its own", "both ends"])
def test_there_is_none_where_there_can_be_none(why):
    model, head, excluded = make("gru")
    if why == "training":
        model.train()
    elif why == "half precision":
        model, head, excluded = make("gru", dtype=torch.bfloat16)
    elif why == "a precision of its own":
        excluded = excluded.double()
    else:
        model, head, excluded = make("gru", layers=Bidirectional)
    assert compiled_step(model, head, excluded, torch.zeros(2, dtype=torch.long)) is None


def test_there_is_none_without_a_compiler(monkeypatch):
    def fail(*_):
        raise CompilerError("there is no C compiler on this machine")

    monkeypatch.setattr("throughtime.decode.compiled_step.Stepper", fail)
    assert compiled_step(*make("gru"), torch.zeros(2, dtype=torch.long)) is None

from functools import partial

import pytest
import torch

from throughtime.cell.gru import GRU
from throughtime.cell.lstm import LSTM
from throughtime.engine.auto import Auto
from throughtime.engine.reference import Reference
from throughtime.model.inputs.embedding import Embedding
from throughtime.model.layers.stack import Stack
from throughtime.model.sequence import SequenceModel

VOCABULARY, LANES = 11, 3


def model(cell=GRU, engine=None, **options) -> SequenceModel:
    torch.manual_seed(0)
    return SequenceModel(
        front=partial(Embedding, size=4, dropout=0.3),
        layers=partial(Stack, depth=2, dropout=0.3, **options),
        cell=partial(cell, hidden_size=6),
        engine=engine or Auto(),
        vocabulary_size=VOCABULARY,
    )


def ids(*shape: int) -> torch.Tensor:
    return torch.randint(VOCABULARY, shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("cell", [GRU, LSTM])
@pytest.mark.parametrize("variational", [True, False])
def test_a_step_is_a_run_of_one_step(cell, variational):
    network = model(cell, variational=variational).eval()
    state = network.initial_state(LANES)
    features, after = network(ids(1, LANES), state)
    step_features, step_after = network.step(ids(1, LANES)[0], state)
    torch.testing.assert_close((step_features, step_after), (features[0], after))
    assert features.shape == (1, LANES, network.output_size)


def test_the_future_does_not_reach_the_past():
    network = model().eval()
    symbols, changed = ids(6, LANES), ids(6, LANES)
    changed[4:] = (changed[4:] + 1) % VOCABULARY
    one, _ = network(symbols, network.initial_state(LANES))
    other, _ = network(changed, network.initial_state(LANES))
    assert torch.equal(one[:4], other[:4])
    assert not torch.equal(one[4], other[4])


def test_the_weights_do_not_depend_on_the_engine():
    one, other = model(engine=Reference()), model(engine=Auto())
    other.load_state_dict(one.state_dict(), strict=True)
    symbols, state = ids(6, LANES), one.initial_state(LANES)
    torch.testing.assert_close(one.eval()(symbols, state), other.eval()(symbols, state))

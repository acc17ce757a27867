"""A prompt read in one pass leaves the model where reading it symbol by symbol does."""

import pytest
import torch

from throughtime.decode.prime import prime, step_of


def test_priming_equals_stepping(toy):
    model = toy()
    prompt = torch.tensor([[0, 1], [2, 3], [4, 4], [1, 0]])
    log_p, state = prime(model.forward, model.predict, prompt, model.initial_state(2))
    step = step_of(model.features, model.predict)
    stepped = model.initial_state(2)
    for ids in prompt:
        expected, stepped = step(ids, stepped)
    torch.testing.assert_close(log_p, expected)
    torch.testing.assert_close(state[0].hidden, stepped[0].hidden)


def test_a_long_prompt_may_be_read_in_parts(toy):
    model = toy()
    prompt = torch.randint(5, (10, 1), generator=torch.Generator().manual_seed(0))
    whole, _ = prime(model.forward, model.predict, prompt, model.initial_state(1))
    _, state = prime(model.forward, model.predict, prompt[:4], model.initial_state(1))
    parts, _ = prime(model.forward, model.predict, prompt[4:], state)
    torch.testing.assert_close(whole, parts)


def test_the_head_sees_only_the_last_step(toy):
    model, shapes = toy(), []

    def predict(features):
        shapes.append(tuple(features.shape))
        return model.predict(features)

    prime(model.forward, predict, torch.zeros(6, 2, dtype=torch.long), model.initial_state(2))
    assert shapes == [(2, 8)]


def test_an_empty_prompt_is_refused(toy):
    model = toy()
    with pytest.raises(ValueError, match="at least one symbol"):
        prime(model.forward, model.predict, torch.zeros(0, 1, dtype=torch.long), model.initial_state(1))

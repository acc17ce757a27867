"""A trained language model of text gives every symbol the probability that it has after those before it."""

import pytest
import torch

from throughtime.errors import UserError
from throughtime.inference.load import load
from throughtime.task.transcription.fusion import TextModel


@pytest.fixture(scope="module")
def text_task(trained):
    return load(trained.run).task


def test_symbols_have_the_probabilities_of_the_whole_text(text_task):
    model = TextModel(text_task, list("abc "), "run")
    state, found = model.initial_state(), []
    for symbol in "ab ca":
        gained, state = model.extend(state, symbol)
        found.append(gained)
    ids = torch.tensor([int(one) for one in text_task.tokenizer.encode("\nab ca")])[:, None]
    with torch.inference_mode():
        features, _ = text_task.model(ids, text_task.model.initial_state(1))
        log_probabilities = text_task.head.predict(features)[:, 0]
    expected = [float(log_probabilities[place, ids[place + 1, 0]]) for place in range(5)]
    assert found == pytest.approx(expected, abs=1e-5) and model.finish(state) == 0


def test_a_state_can_be_extended_in_several_ways(text_task):
    model = TextModel(text_task, list("abc"), "run")
    _, state = model.extend(model.initial_state(), "a")
    total = [model.extend(state, symbol)[0] for symbol in "abc"]
    assert total == [model.extend(state, symbol)[0] for symbol in "abc"] and len(set(total)) == 3


def test_a_symbol_that_is_no_token_and_another_task_are_refused(text_task, make):
    with pytest.raises(UserError, match=r"--lm run: 'é' is no single token"):
        TextModel(text_task, ["a", "é"], "run")
    with pytest.raises(UserError, match="is a run of task=transcription, not of text generation"):
        TextModel(make(), ["a"], "run")

"""Greedy decoding follows the largest probability at every step."""

import torch

from throughtime.decode.greedy import Greedy, most_probable


def test_every_symbol_is_the_most_probable_one_after_those_before_it(toy):
    model = toy()
    log_p, state = model.start(3)
    for ids in Greedy()(model.step, log_p, state, 20):
        assert torch.equal(ids, log_p.argmax(-1))
        log_p, state = model.step(ids, state)


def test_of_symbols_that_tie_the_lowest_id_is_written():
    assert most_probable(torch.tensor([[-1.0, -0.5, -0.5, -2.0]])).tolist() == [1]

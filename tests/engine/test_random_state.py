import torch

from throughtime.engine.random_state import RandomStates


def test_what_was_drawn_is_drawn_again_and_nothing_else_is_disturbed():
    torch.manual_seed(0)
    states, drawn = RandomStates(torch.device("cpu")), []
    for _ in range(3):
        states.note()
        drawn.append(torch.rand(5))
    before = torch.get_rng_state()
    for moment in (2, 0, 1):
        with states.again(moment):
            assert torch.equal(torch.rand(5), drawn[moment])
    assert torch.equal(torch.get_rng_state(), before)


def test_moments_without_a_draw_between_share_their_state():
    states = RandomStates(torch.device("cpu"))
    for _ in range(3):
        states.note()
    assert len({id(state) for state in states._states}) == 1

import torch

from throughtime.cell.lstm import LSTM
from throughtime.engine.mixed import own_rounding, single


def test_autocast_to_bfloat16_is_off_inside_and_on_again_after():
    with torch.autocast("cpu", torch.bfloat16):
        with own_rounding() as halves:
            assert halves and not torch.is_autocast_enabled("cpu")
        assert torch.is_autocast_enabled("cpu")


def test_nothing_changes_without_autocast_or_with_another_precision():
    with own_rounding() as halves:
        assert not halves
    with torch.autocast("cpu", torch.float16), own_rounding() as halves:
        assert not halves and torch.is_autocast_enabled("cpu")


def test_only_what_is_in_bfloat16_is_changed():
    state = LSTM(2, 3).bfloat16().initial_state(4)
    assert {part.dtype for part in single(state)} == {torch.float32} and type(single(state)) is type(state)
    assert single(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64

import pytest

from throughtime.data.position import Position
from throughtime.errors import UserError


def place(position: Position) -> tuple[int, int]:
    return position.epoch, position.batch


def test_iterating_twice_without_a_batch_between_starts_one_epoch():
    position = Position()
    for _ in range(2):
        position.begin(3)
        assert place(position) == (0, 0)
    position.advance()
    for _ in range(2):
        position.begin(3)
        assert place(position) == (1, 0)


def test_a_loaded_position_goes_on_once():
    position = Position()
    position.load_state_dict({"epoch": 4, "batch": 2, "batches": 3}, 3)
    for _ in range(2):
        position.begin(3)
        assert place(position) == (4, 2)
    position.advance()
    position.begin(3)
    assert place(position) == (5, 0)


def test_an_epoch_that_was_done_when_saved_is_not_gone_on_with():
    position = Position()
    position.load_state_dict({"epoch": 4, "batch": 3, "batches": 3}, 3)
    position.begin(3)
    assert place(position) == (5, 0)


def test_a_position_among_other_batches_is_refused():
    with pytest.raises(UserError, match=r"3 batches, but these data make 5"):
        Position().load_state_dict({"epoch": 4, "batch": 2, "batches": 3}, 5)

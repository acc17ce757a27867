from throughtime.engine.compiler.ir.expression import Source
from throughtime.engine.compiler.schedule.arrays import ROW_INDEX, Array, packed_size, source_slice


def test_the_state_after_a_step_is_the_state_before_the_next():
    before, after = ROW_INDEX["state"], ROW_INDEX["next_state"]
    assert before.replace("t *", "(t + 1) *") == after


def test_a_source_is_a_slice_of_an_array_with_an_address():
    place = source_slice(Source("product", 2, 8), 3)
    assert place.array == Array("product2", "lanes", 8)
    assert place.offset == 3
    assert place.array.row_address == "product2 + b * 8"


def test_a_packed_matrix_is_padded_to_whole_micro_panels():
    assert packed_size(5, 64) == 5 * 64
    assert packed_size(5, 65) == 5 * 128
    assert packed_size(0, 3) == 0

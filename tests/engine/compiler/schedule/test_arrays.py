from throughtime.engine.compiler.ir.expression import Source
from throughtime.engine.compiler.schedule.arrays import ROWS, Array, place_of


def test_the_state_after_a_step_is_the_state_before_the_next():
    before, after = ROWS["before"], ROWS["after"]
    assert before.replace("t *", "(t + 1) *") == after


def test_a_source_has_one_array_and_an_address():
    place = place_of(Source("product", 2, 8), 3)
    assert place.array == Array("product2", "lanes", 8)
    assert place.offset == 3
    assert place.array.pointer == "product2 + b * 8"

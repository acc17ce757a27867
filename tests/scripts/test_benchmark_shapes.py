import itertools

from benchmarks.shapes import HIDDEN_SIZES, LANES, STEPS, Shape, expected_seconds, ordered


def test_every_shape_of_the_grid_comes_once():
    shapes = {(shape.lanes, shape.steps, shape.hidden_size) for shape in ordered()}
    assert shapes == set(itertools.product(LANES, STEPS, HIDDEN_SIZES))
    assert len(ordered()) == len(shapes)


def test_a_third_of_the_grid_has_all_lanes_with_all_hidden_sizes_and_all_steps_alike():
    pairs = len(LANES) * len(HIDDEN_SIZES)
    for first in range(0, len(ordered()), pairs):
        layer = ordered()[first : first + pairs]
        assert len({(shape.lanes, shape.hidden_size) for shape in layer}) == pairs
        counts = [sum(shape.steps == steps for shape in layer) for steps in STEPS]
        assert max(counts) - min(counts) <= 1
        assert [shape.work for shape in layer] == sorted(shape.work for shape in layer)


def test_what_is_expected_is_never_less_than_a_time_that_grows_with_the_work():
    known = {shape: 1e-9 * shape.work + 1e-5 * shape.steps for shape in ordered()[::7]}
    for shape in ordered():
        assert expected_seconds(shape, known) >= (1e-9 * shape.work + 1e-5 * shape.steps) * (1 - 1e-9)


def test_a_shape_that_is_known_takes_what_it_took():
    assert expected_seconds(Shape(8, 64, 128), {Shape(8, 64, 128): 3.0, Shape(1, 64, 128): 2.0}) == 3.0
    assert expected_seconds(Shape(8, 64, 128), {}) == 0.0

"""benchmark.py scaling: exponents of known laws, and points that a time limit leaves out."""

import pytest
from benchmarks import scaling
from benchmarks.scaling import exponent, figure, measure, table
from benchmarks.shapes import Shape
from hypothesis import given
from hypothesis import strategies as st


@given(st.floats(-1, 3), st.floats(1e-6, 1e3), st.integers(2, 8))
def test_the_exponent_of_a_power_law_is_its_power(power, factor, count):
    points = [(2.0**place, factor * 2.0 ** (place * power)) for place in range(count)]
    assert exponent(points) == pytest.approx(power, abs=1e-6)
    # What does not grow bounds small sizes; only the largest ones count.
    assert exponent([(2.0**-9, 7.0), *points]) == pytest.approx(power, abs=1e-6)


def test_a_single_size_has_no_exponent():
    assert exponent([]) is exponent([(4.0, 1.0)]) is None
    assert exponent([(4.0, 1.0), (64.0, 1.0)]) is None


def test_each_axis_changes_its_own_size_alone():
    for axis, shapes in scaling.AXES.items():
        fields = {name: {getattr(shape, field) for shape in shapes} for name, field in scaling.FIELDS.items()}
        assert {name: len(values) for name, values in fields.items() if len(values) > 1} == {
            axis: len(shapes)
        }


@pytest.fixture(scope="module")
def found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scaling, "ENOUGH", 0.001)
        patch.setattr(
            scaling,
            "AXES",
            {
                "T": [Shape(1, 2, 4), Shape(1, 4, 4)],
                "B": [Shape(1, 2, 4), Shape(1 << 40, 2, 4), Shape(2, 2, 4)],
                "H": [Shape(1, 2, 4), Shape(1, 2, 8)],
            },
        )
        yield measure(["elman"], [1], 1, False, lambda line: None)


def test_every_point_is_measured_or_named(found):
    assert [(series["cell"], series["axis"]) for series in found["series"]] == [
        ("elman", axis) for axis in "TBH"
    ]
    for series in found["series"]:
        assert all(point["ours"] > 0 and point["theirs"] > 0 for point in series["points"])
        measured = 1 if series["axis"] == "B" else 2  # no machine has the memory of the second
        assert (len(series["points"]), len(series["left_out"])) == (measured, 2 * (series["axis"] == "B"))


def test_the_table_and_the_picture_show_both_sides(found, tmp_path):
    lines = table(found)
    assert lines.count("torch.nn.RNN") == lines.count("B1 T2 H4") == 3
    figure(found, tmp_path / "scaling.png")
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")

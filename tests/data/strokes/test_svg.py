"""Paths of SVG become strokes in the order in which they are drawn."""

import numpy as np
import pytest

from throughtime.data.strokes.svg import read_svg
from throughtime.errors import UserError


def save(tmp_path, body, root="svg"):
    file = tmp_path / "a.svg"
    file.write_text(f'<{root} xmlns="http://www.w3.org/2000/svg">\n{body}\n</{root}>')
    return file


def strokes(tmp_path, body):
    return read_svg(save(tmp_path, body)).strokes


def test_lines_and_subpaths(tmp_path):
    found = strokes(tmp_path, '<path d="M 0 0 L 1,0 h1 v-1 m 1 1 l 2 2 z"/><polyline points="5,5 6 7"/>')
    assert [stroke.tolist() for stroke in found] == [
        [[0, 0], [1, 0], [2, 0], [2, -1]],
        [[3, 0], [5, 2], [3, 0]],
        [[5, 5], [6, 7]],
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("M0 0L6.e-1 007", [[0, 0], [0.6, 7]]),
        ("M.5.5-1-1", [[0.5, 0.5], [-1, -1]]),
        ("m1,2\n3\t4", [[1, 2], [4, 6]]),
        ("M0 0 1e1+2", [[0, 0], [10, 2]]),
    ],
)
def test_notations_of_numbers(path, expected, tmp_path):
    (line,) = strokes(tmp_path, f'<path d="{path}"/>')
    np.testing.assert_allclose(line, expected)


def test_flags_of_arcs_may_be_packed(tmp_path):
    one, other = strokes(tmp_path, '<path d="M1 0a1 1 0 01-2 0M1 0a1 1 0 0 1 -2 0"/>')
    np.testing.assert_allclose(one, other)


@pytest.mark.parametrize(
    "path",
    [
        "M 1 0 A 1 1 0 0 1 -1 0",  # half a circle
        "M 1 0 C 1 0.5523 0.5523 1 0 1 S -1 0.5523 -1 0",  # the same by cubic curves
    ],
)
def test_points_of_curves_lie_on_them(path, tmp_path):
    (curve,) = strokes(tmp_path, f'<path d="{path}"/>')
    np.testing.assert_allclose(np.hypot(*curve.T), 1, atol=1e-3)
    assert len(curve) > 16 and np.hypot(*np.diff(curve, axis=0).T).sum() == pytest.approx(np.pi, rel=1e-2)


def test_a_quadratic_curve(tmp_path):
    (curve,) = strokes(tmp_path, '<path d="M0 0Q1 2 2 0"/>')
    np.testing.assert_allclose(curve[:, 1], curve[:, 0] * (2 - curve[:, 0]), atol=1e-9)


def test_transformations_of_groups_apply_from_the_inside(tmp_path):
    body = '<g transform="translate(10,0) rotate(90)"><path transform="scale(2)" d="M1 0L2 0"/></g>'
    (line,) = strokes(tmp_path, body)
    np.testing.assert_allclose(line, [[10, 2], [10, 4]], atol=1e-9)
    body = '<path transform="rotate(180 1 1) skewX(45) matrix(1 0 0 1 0 1)" d="M0 0L1 0"/>'
    (line,) = strokes(tmp_path, body)
    np.testing.assert_allclose(line, [[1, 1], [0, 1]], atol=1e-9)


def test_definitions_are_not_drawn(tmp_path):
    body = '<defs><path d="M0 0L9 9"/></defs><clipPath><path d="M0 0L9 9"/></clipPath><line x1="1" x2="2"/>'
    assert [stroke.tolist() for stroke in strokes(tmp_path, body)] == [[[1, 0], [2, 0]]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<rect/>", r"a\.svg has no path"),
        ('<path d=""/>', r"a\.svg has no path"),
        ('\n<path d="M0 0 L nan 1"/>', r"a\.svg, line 3: the path has 'nan 1' in it"),
        ('<path d="M0 0 L 1"/>', r"a\.svg, line 2: the path cannot be read"),
        ('<path d="1 1 2 2"/>', r"a\.svg, line 2: the path cannot be read"),
        ('<path d="M0 0 L 1e999 1"/>', r"a\.svg, line 2: a coordinate is 1e999; give a finite number"),
        ('<polyline points="0 0 1"/>', r"a\.svg, line 2: the points have 3 coordinates"),
        ('<polyline points="0 inf"/>', r"a\.svg, line 2: a coordinate is inf"),
        ('<line x1="east"/>', r"a\.svg, line 2: x1 is 'east', which is no number"),
        (
            '<path transform="spin(3)" d="M0 0L1 1"/>',
            r"line 2: the transformation 'spin\(3\)' cannot be read",
        ),
        (
            '<path transform="rotate(1 2)" d="M0 0L1 1"/>',
            r"line 2: the transformation 'rotate\(1 2\)' cannot",
        ),
        ('<path d="M0 0L1e308 1" transform="scale(1e9)"/>', r"a\.svg has coordinates beyond all numbers"),
    ],
)
def test_an_svg_that_cannot_be_read_is_named_with_its_line(body, message, tmp_path):
    with pytest.raises(UserError, match=message):
        read_svg(save(tmp_path, body))


def test_other_xml_is_no_svg(tmp_path):
    with pytest.raises(UserError, match=r"a\.svg is no SVG: its first element is html"):
        read_svg(save(tmp_path, "<p/>", "html"))

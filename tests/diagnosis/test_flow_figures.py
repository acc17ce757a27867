"""Figures of the gradient by lag hold the measured norms."""

import math

import numpy as np
import pytest
import torch

from throughtime.diagnosis.flow_figures import (
    curves_figure,
    describe,
    heat_map,
    longest_half_life,
    shown_lags,
)
from throughtime.diagnosis.gradient_flow import LayerFlow


def flow(rate: float, count: int = 10) -> LayerFlow:
    norms = rate ** torch.arange(float(count))
    return LayerFlow("layers.cells.0", norms, norms * 2)


@pytest.mark.parametrize("count", [0, 1, 64, 100, 5000])
def test_lags_rise_from_the_first_to_the_last(count: int) -> None:
    lags = shown_lags(count)
    assert lags == sorted(set(lags))
    assert lags[:65] == list(range(min(count, 65)))
    assert not count or lags[-1] == count - 1
    assert len(lags) < 130


def test_both_curves_are_drawn_without_what_underflows() -> None:
    late = torch.tensor([1.0, 0.1, 0.0])
    axes = curves_figure([LayerFlow("a", late, late + 1)]).axes[0]
    assert axes.get_yscale() == "log"
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [1, 0.1, math.nan], rtol=1e-6)
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [2, 1.1, 1], rtol=1e-6)


def test_the_map_has_a_column_for_each_step_on_a_logarithmic_scale() -> None:
    curves = [(100, {0: 1.0, 1: 0.1}), (200, {0: 2.0, 1: 0.0, 2: math.nan})]
    (mesh,) = heat_map({"a": curves}).axes[0].collections
    values = mesh.get_array()
    assert values.shape == (3, 2)
    assert values[1, 0] == 0.1
    assert values.mask.sum() == 3
    assert type(mesh.norm).__name__ == "LogNorm"
    heat_map({"a": [(1, {0: math.nan})]})
    heat_map({"a": [(1, {0: 3.0})]})


def test_rates_in_words() -> None:
    assert describe(0.5) == "half-life 1 steps"
    assert describe(2.0) == "doubles in 1 steps"
    assert describe(1.0) == "constant"
    assert describe(math.nan) == "no gradient at a lag"


def test_the_longest_half_life_is_that_of_the_slowest_fall() -> None:
    assert longest_half_life([flow(0.5), flow(0.25)]) == pytest.approx(1)
    assert longest_half_life([flow(0.5), flow(1.5)]) == math.inf
    assert math.isnan(longest_half_life([]))

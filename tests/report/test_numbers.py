"""Numbers carry the digits that their spread leaves, and settings read as they are typed."""

import pytest

from throughtime.report.numbers import as_overrides, format_number, format_setting, format_spread
from throughtime.report.summary import Spread


@pytest.mark.parametrize(
    ("mean", "deviation", "shown"),
    [
        (1.55312, 0.00487, "1.5531 ± 0.0049"),
        (385.72, 49.3, "386 ± 49"),
        (12345.6, 789.1, "12346 ± 789"),
        (0.5, None, "0.5"),
        (0.5, 0.0, "0.5 ± 0"),
        (3.2e-7, 4e-9, "3.200e-07 ± 4.0e-09"),
        (2.5e8, 1e6, "2.500e+08 ± 1.0e+06"),
    ],
)
def test_the_mean_has_the_digits_of_its_spread(mean: float, deviation: float | None, shown: str) -> None:
    assert format_spread(Spread(mean, deviation, 3)) == shown


def test_what_is_not_there_is_a_dash() -> None:
    assert format_spread(None) == format_number(None) == "–"
    assert (
        format_number(1 / 3) == "0.33333"
        and format_number(float("nan")) == "nan"
        and format_number(12) == "12"
    )


def test_settings_read_as_they_are_typed() -> None:
    assert [format_setting(value) for value in (True, None, 0.001, 3, "gru", 1.0)] == [
        "true",
        "",
        "0.001",
        "3",
        "gru",
        "1",
    ]
    assert as_overrides({"cell": "gru", "path": ""}) == "cell=gru path=null"

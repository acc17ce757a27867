"""What a snapshot looks like."""

import io

import pytest
from rich.console import Console

from throughtime.callback.display import Bar, PlainLines, Snapshot, duration

SNAPSHOT = Snapshot(
    phase="training",
    step=1200,
    total=5000,
    fraction=0.24,
    elapsed=83.4,
    remaining=4000.0,
    metrics={"train/loss": 1.52345, "speed/tokens_per_second": 182_345.6},
)


def shown(display: type, terminal: bool, *snapshots: Snapshot) -> str:
    file = io.StringIO()
    opened = display(Console(file=file, force_terminal=terminal, width=200))
    for snapshot in snapshots:
        opened.show(snapshot)
    opened.close()
    return file.getvalue()


def test_a_plain_line_has_all_on_one_line_and_no_control_codes():
    text = shown(PlainLines, False, SNAPSHOT)
    assert text == ("training  1,200/5,000 (24%)  train/loss 1.523  182,346 tokens/s  1:23, 1:06:40 left\n")


@pytest.mark.parametrize("display", [Bar, PlainLines])
def test_a_terminal_of_80_columns_shows_it_on_one_line(display):
    run = Snapshot("validation", 1700, 2500, 0.68, 83.4, 65.0, {"val/bpc": 1.786, "val/loss": 1.2381})
    text = shown(display, False, run)
    assert len(text.rstrip("\n")) <= 80 and "val/bpc 1.786" in text


@pytest.mark.parametrize("display", [Bar, PlainLines])
def test_what_is_not_known_is_not_shown(display):
    text = shown(display, display is Bar, Snapshot("training", 7))
    assert "7" in text and "left" not in text and "%" not in text


def test_a_speed_is_shown_in_the_unit_of_the_data():
    text = shown(PlainLines, False, Snapshot("training", 7, metrics={"speed/points_per_second": 1234.5}))
    assert "1,234 points/s" in text


def test_the_bar_shows_the_latest_snapshot():
    text = shown(Bar, True, Snapshot("training", 1), SNAPSHOT)
    last = text.splitlines()[-2]
    for part in ("training", "1,200/5,000", "train/loss 1.523", "182,346 tokens/s", "1:06:40 left"):
        assert part in last


def test_a_duration_has_hours_only_where_there_are_any():
    assert [duration(seconds) for seconds in (0.0, 59.6, 61.0, 3600.0)] == ["0:00", "1:00", "1:01", "1:00:00"]

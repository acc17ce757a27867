"""Sources of music have a grid, and by default bring nothing of their own."""

import pytest

from throughtime.data.music.midi import MidiFiles
from throughtime.errors import UserError


def test_the_grid_is_checked() -> None:
    with pytest.raises(UserError, match="steps_per_beat"):
        MidiFiles(steps_per_beat=0)


def test_files_are_read_from_a_path_alone() -> None:
    assert MidiFiles().shipped() is None and MidiFiles.reads_files

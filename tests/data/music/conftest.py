"""Files of small piano rolls."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat


@pytest.fixture(scope="session")
def write_mat() -> Callable[..., Path]:
    """Write rolls as the cell arrays of a .mat file, by the names of its parts."""

    def write(path: Path, **parts: list[np.ndarray]) -> Path:
        cells = {}
        for name, rolls in parts.items():
            cells[name] = np.empty((1, len(rolls)), dtype=object)
            for number, roll in enumerate(rolls):
                cells[name][0, number] = roll
        savemat(path, cells)
        return path

    return write

"""Every function of the package is checked against its shape annotations while the tests run."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

install_import_hook("throughtime", "beartype.beartype")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public data sets that some tests measure on; those tests skip where it is absent."""
    folder = Path(os.environ.get("THROUGHTIME_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no public data at {folder}; set THROUGHTIME_DATA to its folder")
    return folder

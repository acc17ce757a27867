"""Tests of data keep their cache to themselves."""

import pytest


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory, monkeypatch):
    """The folder that stands in for the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("THROUGHTIME_CACHE", str(folder))
    return folder

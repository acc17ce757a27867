"""An entry of the cache is whole and one's own, or it is made anew; the cache keeps to its size."""

import os
import zlib

import numpy as np
import pytest
from safetensors.numpy import save

from throughtime.data.array_cache import ArrayCache

ARRAY = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
KEY = "0" * 40


@pytest.fixture
def cache(cache_folder):
    found = ArrayCache("audio", 10**6)
    found.put(KEY, ARRAY)
    assert found.folder == cache_folder / "audio"
    return found


def test_what_was_put_comes_back(cache):
    np.testing.assert_array_equal(ArrayCache("audio", 10**6).get(KEY, 4), ARRAY)
    assert cache.get("1" * 40, 4) is None
    assert cache.folder.stat().st_mode & 0o777 == 0o700


def test_a_key_depends_on_the_content_and_on_the_settings(cache, tmp_path):
    for name, content in {"a": b"one", "b": b"one", "c": b"two"}.items():
        (tmp_path / name).write_bytes(content)
    keys = {name: cache.key(tmp_path / name, {"hop": 10}) for name in "abc"}
    assert keys["a"] == keys["b"] != keys["c"]
    assert cache.key(tmp_path / "a", {"hop": 20}) != keys["a"]


def entry_of(array, checksum=None):
    checksum = zlib.crc32(np.ascontiguousarray(array)) if checksum is None else checksum
    return save({"array": array, "checksum": np.array([checksum], dtype=np.int64)})


CONTENT = {
    "nothing": b"",
    "other bytes": b"x" * 400,
    "half of it": entry_of(ARRAY)[:200],
    "a wrong checksum": entry_of(ARRAY, 1),
    "no checksum": save({"array": ARRAY}),
    "another width": entry_of(ARRAY[:, :3].copy()),
    "other numbers": entry_of(ARRAY.astype(np.float64)),
    "one axis": entry_of(ARRAY[0]),
}


@pytest.mark.parametrize("content", CONTENT)
def test_an_entry_that_is_not_whole_counts_as_missing(content, cache, caplog):
    (path,) = cache.folder.iterdir()
    path.write_bytes(CONTENT[content])
    assert cache.get(KEY, 4) is None
    assert "not whole" in caplog.text
    cache.put(KEY, ARRAY)
    np.testing.assert_array_equal(cache.get(KEY, 4), ARRAY)


def test_nothing_is_read_through_a_link(cache, tmp_path):
    (path,) = cache.folder.iterdir()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.get(KEY, 4) is None


def test_a_full_cache_keeps_no_more_and_removes_nothing(cache_folder, caplog):
    size = len(entry_of(ARRAY))
    (cache_folder / "audio").mkdir(mode=0o700)
    theirs = cache_folder / "audio" / "model.safetensors"
    theirs.write_bytes(b"x" * (size // 2))  # a file that no cache has written counts, and stays
    for first, kept in (
        (0, ["0", "1"]),
        (2, ["0", "1"]),
    ):  # another process goes on where the first has filled it
        cache = ArrayCache("audio", 3 * size, "data.size")
        for number in range(first, first + 4):
            cache.put(str(number) * 40, ARRAY)
        names = sorted(path.name for path in cache.folder.iterdir())
        assert names == [*(f"{name * 40}.safetensors" for name in kept), "model.safetensors"]
        assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 3 * size
    assert caplog.text.count("is full; no more is kept: remove its files, or raise data.size") == 2
    np.testing.assert_array_equal(cache.get("0" * 40, 4), ARRAY)


def test_no_size_is_no_cache(cache_folder):
    cache = ArrayCache("audio", 0)
    cache.put(KEY, ARRAY)
    assert cache.get(KEY, 4) is None and list(cache_folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_costs_the_cache_alone(cache_folder, caplog):
    (cache_folder / "audio").write_text("no folder")
    cache = ArrayCache("audio", 10**6)
    cache.put(KEY, ARRAY)
    cache.put(KEY, ARRAY)
    assert cache.get(KEY, 4) is None
    assert caplog.text.count("cannot be written to") == 1


def test_entries_that_no_one_uses_make_room(cache_folder):
    size = len(entry_of(ARRAY))
    before = ArrayCache("audio", 10 * size)
    for number in range(8):
        before.put(str(number) * 40, ARRAY)
        os.utime(cache_folder / "audio" / f"{str(number) * 40}.safetensors", times=(number, number))
    cache = ArrayCache("audio", 4 * size)
    assert cache.get("0" * 40, 4) is not None
    for number in "abc":
        cache.put(number * 40, ARRAY)
    assert sorted(path.name[0] for path in cache.folder.iterdir()) == ["0", "a", "b", "c"]

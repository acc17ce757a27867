"""A cache keeps to its size by removing its own entries, the least recently used first, and nothing else."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from throughtime.bounded_cache import ABANDONED, GRACE, SIZE_VARIABLE, BoundedCache, note_use, size_limit
from throughtime.errors import UserError


def bounded(folder, size):
    entry, unfinished = re.compile(r"[0-9a-f]{4}\.so"), re.compile(r"compiling-\w{8}|[0-9a-f]{4}\.tmp")
    return BoundedCache(folder, (".so",), entry, unfinished, size)


def put(folder, name, age, size=10):
    path = folder / name
    path.write_bytes(b"x" * size)
    os.utime(path, times=(time.time() - age,) * 2)
    return path


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def four(tmp_path):
    """Entries of 10 bytes each, 0000 the last used one of all."""
    for number in range(4):
        put(tmp_path, f"000{number}.so", 2 * GRACE + number)
    return tmp_path


@pytest.mark.parametrize("size", [0, 9, 10, 25, 39, 40, 1000])
def test_the_last_used_entries_that_fit_are_left(four, size):
    free = bounded(four, size).make_room()
    assert names(four) == [f"000{number}.so" for number in range(min(size // 10, 4))]
    assert free == size - 10 * len(names(four))


def test_there_is_room_for_what_is_needed(four):
    assert bounded(four, 40).make_room(needed=15) == 20
    assert names(four) == ["0000.so", "0001.so"]


def test_a_use_makes_an_entry_the_last_to_go(four):
    note_use(four / "0003.so")
    bounded(four, 20).make_room()
    assert names(four) == ["0000.so", "0003.so"]


def test_what_was_used_lately_stays_above_the_size(four):
    put(four, "aaaa.so", GRACE - 5, size=100)
    assert bounded(four, 50).make_room() == -50
    assert names(four) == ["aaaa.so"]


def test_what_this_process_has_used_stays(four):
    assert bounded(four, 10).make_room(used_since=time.time() - 2 * GRACE - 1.5) == -10
    assert names(four) == ["0000.so", "0001.so"]


def test_nothing_but_entries_is_removed(four, tmp_path_factory):
    elsewhere = put(tmp_path_factory.mktemp("elsewhere"), "bbbb.so", 9 * GRACE)
    others = ["model.so", "00001.so", "0000.so.bak", "notes.txt", "xyz.so", "0000.ids"]
    for name in others:
        put(four, name, 9 * GRACE)
    (four / "cccc.so").mkdir()
    (four / "dddd.so").symlink_to(elsewhere)
    bounded(four, 0).make_room()
    assert names(four) == sorted([*others, "cccc.so", "dddd.so"]) and elsewhere.exists()


def test_an_entry_of_another_user_stays(four):
    if os.getuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(four / "0003.so", 12345, -1)
    bounded(four, 0).make_room()
    assert names(four) == ["0003.so"]


def test_what_a_killed_process_has_not_finished_goes_after_a_day(tmp_path):
    for age, tag in ((ABANDONED + 60, "a"), (ABANDONED - 60, "b")):
        put(tmp_path, f"000{tag}.tmp", age)
        folder = tmp_path / f"compiling-{tag * 8}"
        folder.mkdir()
        put(folder, "kernel.c", age)
        os.utime(folder, times=(time.time() - age,) * 2)
    put(tmp_path, "mine.tmp", 9 * ABANDONED)
    bounded(tmp_path, 10**9).make_room()
    assert names(tmp_path) == ["000b.tmp", "compiling-bbbbbbbb", "mine.tmp"]


def test_several_at_once_leave_what_one_leaves(tmp_path):
    for number in range(400):
        put(tmp_path, f"{number:04x}.so", 2 * GRACE + number)
    with ThreadPoolExecutor(8) as pool:
        frees = list(pool.map(lambda _: bounded(tmp_path, 1000).make_room(), range(8)))
    assert names(tmp_path) == [f"{number:04x}.so" for number in range(100)]
    assert all(0 <= free <= 1000 for free in frees)


def test_a_mapped_entry_is_readable_after_its_removal(four):
    import numpy as np

    mapped = np.memmap(four / "0003.so", mode="r")
    bounded(four, 0).make_room()
    assert bytes(mapped) == b"x" * 10


def test_the_environment_sets_the_size(monkeypatch):
    monkeypatch.delenv(SIZE_VARIABLE, raising=False)
    assert size_limit(7) == 7
    monkeypatch.setenv(SIZE_VARIABLE, "2000")
    assert size_limit(7) == 2000
    for text in ("1GB", "-1", "1.5"):
        monkeypatch.setenv(SIZE_VARIABLE, text)
        with pytest.raises(UserError, match=f"{SIZE_VARIABLE}={text} is no number of bytes"):
            size_limit(7)

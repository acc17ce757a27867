import json
import logging
import os
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from throughtime.data.text.cache import Cache
from throughtime.data.text.source import TextSource
from throughtime.data.text.split import CharacterRange, split_characters
from throughtime.errors import UserError
from throughtime.tokenizer.characters import Characters

TEXT = "one two three\n" * 500


@pytest.fixture
def source(tmp_path) -> TextSource:
    (tmp_path / "text").mkdir()
    for name in ("a", "b"):
        (tmp_path / "text" / name).write_text(TEXT)
    return TextSource(tmp_path / "text")


@pytest.fixture
def part(source) -> CharacterRange:
    return CharacterRange(source, 0, source.characters)


@pytest.fixture
def tokenizer() -> Characters:
    tokenizer = Characters()
    tokenizer.fit([TEXT])
    return tokenizer


def entries(folder) -> list:
    return sorted(folder.iterdir())


def test_an_entry_is_the_encoded_text_and_the_places_of_documents(part, tokenizer):
    ids, starts = Cache().encoded(part, tokenizer)
    assert np.array_equal(ids, tokenizer.encode(TEXT * 2))
    assert starts.tolist() == [0, len(TEXT)]
    assert isinstance(ids, np.memmap)
    assert ids.dtype == np.uint8


def test_a_second_use_encodes_nothing(part, tokenizer, cache_folder, monkeypatch):
    first = Cache().encoded(part, tokenizer)
    monkeypatch.setattr(Characters, "encode", None)
    assert np.array_equal(Cache().encoded(part, tokenizer).ids, first.ids)
    assert len(entries(cache_folder)) == 1


def test_another_text_split_or_tokenizer_is_another_entry(source, part, tokenizer, tmp_path, cache_folder):
    other = Characters(unknown="error")
    other.fit([TEXT])
    Cache().encoded(part, tokenizer)
    Cache().encoded(part, other)
    for stretch in split_characters({"all": source}, (0.9, 0.1, 0.0)).values():
        Cache().encoded(stretch, tokenizer)
    (tmp_path / "text" / "b").write_text(TEXT.upper())
    changed = TextSource(tmp_path / "text")
    Cache().encoded(CharacterRange(changed, 0, changed.characters), tokenizer)
    assert len(entries(cache_folder)) == 5


@pytest.mark.parametrize("damage", ["truncate", "flip", "garbage", "empty"])
def test_an_entry_that_is_not_whole_is_made_anew(part, tokenizer, cache_folder, damage, caplog):
    expected = np.array(Cache().encoded(part, tokenizer).ids)
    (entry,) = entries(cache_folder)
    data = bytearray(entry.read_bytes())
    data[100] ^= 1
    damaged = {"truncate": bytes(data[:-5]), "flip": bytes(data), "garbage": b"x" * 50, "empty": b""}
    entry.unlink()
    entry.write_bytes(damaged[damage])
    assert np.array_equal(Cache().encoded(part, tokenizer).ids, expected)
    assert "not whole" in caplog.text


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_an_entry_of_another_user_is_made_anew(part, tokenizer, cache_folder, caplog):
    expected = np.array(Cache().encoded(part, tokenizer).ids)
    (entry,) = entries(cache_folder)
    os.chown(entry, 12345, -1)
    assert np.array_equal(Cache().encoded(part, tokenizer).ids, expected)
    assert "another user has written it" in caplog.text and entry.stat().st_uid == os.getuid()


def test_the_folder_is_the_users_alone(part, tokenizer, tmp_path):
    Cache(tmp_path / "new" / "cache").encoded(part, tokenizer)
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "new", tmp_path / "new" / "cache")] == [
        0o700
    ] * 2


def test_a_folder_that_cannot_be_written_to_is_replaced_with_one_warning(part, tokenizer, tmp_path, caplog):
    (tmp_path / "file").touch()
    cache = Cache(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert len(cache.encoded(part, tokenizer).ids) == 2 * len(TEXT)
    assert len(caplog.records) == 1
    assert "cannot be written to" in caplog.text


def test_what_fails_leaves_nothing_behind(part, cache_folder):
    tokenizer = Characters(unknown="error")
    tokenizer.fit(["one two"])
    with pytest.raises(UserError, match=r"'h' .* at character 10 of .*a is not in the vocabulary"):
        Cache().encoded(part, tokenizer)
    assert entries(cache_folder) == []


def test_a_text_that_changes_meanwhile_is_not_kept(part, tokenizer, tmp_path, cache_folder):
    (tmp_path / "text" / "b").write_text(TEXT[:100])
    with pytest.raises(UserError, match="changed while it was read"):
        Cache().encoded(part, tokenizer)
    assert entries(cache_folder) == []


def test_two_at_once_both_read_a_whole_entry(part, tokenizer, cache_folder):
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: Cache().encoded(part, tokenizer), range(8)))
    assert all(np.array_equal(ids, results[0].ids) for ids, _ in results)
    assert [entry.suffix for entry in entries(cache_folder)] == [".ids"]


def test_the_default_folder_is_the_users(monkeypatch):
    monkeypatch.delenv("THROUGHTIME_CACHE")
    assert str(Cache().folder) == os.path.expanduser("~/.cache/throughtime")


def rewrite(entry, ids: bytes, starts: list[int], changed: dict) -> None:
    """Put other content into an entry, with a checksum that is right."""
    data = ids + np.array(starts, dtype=np.int64).tobytes()
    description = {"ids": len(ids), "dtype": "uint8", "starts": len(starts), "checksum": zlib.crc32(data)}
    footer = json.dumps(description | changed).encode()
    entry.unlink()
    entry.write_bytes(data + footer + len(footer).to_bytes(8, "little"))


GOOD = bytes(2 * len(TEXT))
CONTENT = {
    "objects": (GOOD, [0], {"dtype": "object", "ids": len(GOOD) // 8}),
    "numbers with a point": (GOOD, [0], {"dtype": "float32", "ids": len(GOOD) // 4}),
    "numbers with a sign": (GOOD, [0], {"dtype": "int8"}),
    "a structure": (GOOD, [0], {"dtype": [["a", "uint8"]]}),
    "an id beyond the vocabulary": (GOOD[:-1] + b"\xff", [0], {}),
    "fewer ids than there are": (GOOD, [0], {"ids": len(GOOD) - 8}),
    "more ids than there are": (GOOD, [0], {"ids": len(GOOD) + 8}),
    "a negative count": (GOOD, [0], {"ids": -1}),
    "negative starts": (GOOD, [0], {"ids": len(GOOD) + 16, "starts": -1}),
    "a count that is no integer": (GOOD, [0], {"ids": float(len(GOOD))}),
    "a count of true": (b"\0", [0], {"ids": True}),
    "a start before the beginning": (GOOD, [-1, 5], {}),
    "a start beyond the end": (GOOD, [0, len(GOOD) + 1], {}),
    "starts out of order": (GOOD, [0, 9, 5], {}),
}


@pytest.mark.parametrize("content", CONTENT)
def test_an_entry_with_content_that_no_text_has_is_made_anew(part, tokenizer, cache_folder, content, caplog):
    expected = np.array(Cache().encoded(part, tokenizer).ids)
    (entry,) = entries(cache_folder)
    ids, starts, changed = CONTENT[content]
    rewrite(entry, ids, starts, changed)
    found = Cache().encoded(part, tokenizer)
    assert np.array_equal(found.ids, expected)
    assert found.starts.tolist() == [0, len(TEXT)]
    assert "not whole" in caplog.text


def test_an_entry_that_could_be_of_a_text_is_taken(part, tokenizer, cache_folder, caplog):
    Cache().encoded(part, tokenizer)
    (entry,) = entries(cache_folder)
    rewrite(entry, GOOD, [0, 7, 7, len(GOOD)], {})
    found = Cache().encoded(part, tokenizer)
    assert found.ids.max() == 0
    assert found.starts.tolist() == [0, 7, 7, len(GOOD)]
    assert "not whole" not in caplog.text


def test_texts_that_no_one_uses_make_room(source, part, tokenizer, cache_folder, monkeypatch):
    halves = split_characters({"all": source}, (0.5, 0.5, 0.0))
    Cache().encoded(halves["train"], tokenizer)
    (old,) = entries(cache_folder)
    os.utime(old, times=(0, 0))
    monkeypatch.setenv("THROUGHTIME_CACHE_SIZE", "10")
    cache = Cache()
    kept = cache.encoded(part, tokenizer)
    cache.encoded(halves["val"], tokenizer)
    assert old not in entries(cache_folder) and len(entries(cache_folder)) == 2
    assert np.array_equal(cache.encoded(part, tokenizer).ids, kept.ids)

"""Damage of files: of their bytes, and of the values in files that parse."""

import copy
import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzzing.values import LARGE, WORK

SNIPPETS = (
    *(
        b"",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\r\n",
        b"\r",
        b"\n\n\n",
        b"\t\t\t",
        b",,,,",
        b"  ",
        b"\x1a",
        b"#",
    ),
    *(
        b"'",
        b'"',
        b'"""',
        b"[" * 3000,
        b"{" * 3000,
        b'{"a":' * 1500,
        b"9" * 400,
        b"1e999",
        b"-1e308",
        b"NaN",
        b"\x1b[2J",
    ),
    *(
        "é☃文𝄞\u202e\u2028".encode(),
        b"\xc3",
        b"\xed\xa0\x80",
        b"9999-12-31",
        b"0000-00-00",
        b"- : &a *a",
        b"${oc.env:HOME}",
    ),
    *(
        b"=cmd|' /C calc'!A0",
        b"<script>",
        b"x" * 70_000,
        b"\n" * 3000,
        b"0\n" * 500,
        b"-DOCSTART- O\n",
        b"\xa0",
        b"\x85",
    ),
)
"""Bytes that are put into a file."""

ENCODINGS = ("utf-16", "utf-32", "utf-8-sig", "cp1252", "shift-jis", "utf-7")

VALUES = (
    *(
        None,
        True,
        False,
        -1,
        0,
        1,
        2**31,
        2**63,
        10**30,
        0.5,
        1e300,
        float("nan"),
        float("inf"),
        "",
        "abc",
        "文\u202e",
    ),
    *(
        [],
        {},
        [1],
        [None],
        {"a": 1},
        [[[[]]]],
        "x" * 5000,
        "../../outside/kept.txt",
        "/nothing",
        "a\nb",
        "${seed}",
        "=1+1",
    ),
    *({"_target_": "os.system"}, {"_target_": "throughtime.cell.LSTM"}, [1, "a", None]),
)
"""Values that take the place of another in a file that parses."""


def damage_bytes(path: Path, others: list[Path], rng: random.Random) -> None:
    """Damage the bytes of a file in one random way.

    Args:
        path: the file.
        others: files of other formats, one of which may take its place.
        rng: the source of chance.
    """
    content = path.read_bytes()
    place = rng.randrange(len(content) + 1)
    way = rng.randrange(10)
    if way == 0:
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 3, 50))):
            if damaged:
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    elif way == 1:
        damaged = content[:place]
    elif way == 2:
        damaged = rng.choice((b"", b"\n", b"\x00" * 100, rng.randbytes(1000)))
    elif way == 3:
        damaged = rng.choice(others).read_bytes()
    elif way == 4:
        damaged = _encoded(content, rng)
    elif way == 5:
        damaged = content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\n\x00", b" \n", b"")))
    elif way == 6:
        damaged = gzip.compress(content, mtime=0) if rng.random() < 0.3 else content[place:]
    elif way == 7:
        damaged = _lines_changed(content, rng)
    else:
        end = place + rng.choice((0, 0, 1, 10, 100))
        damaged = content[:place] + rng.choice(SNIPPETS) + content[end:]
    path.write_bytes(bytes(damaged))


def _encoded(content: bytes, rng: random.Random) -> bytes:
    text = content.decode("utf-8", "replace") + rng.choice(("", "é\n", "文\n"))
    return text.encode(rng.choice(ENCODINGS), "replace")


def _lines_changed(content: bytes, rng: random.Random) -> bytes:
    """Lines repeated, left out, in another order, or with a column more or less."""
    lines = content.split(b"\n")
    way = rng.randrange(5)
    if way == 0:
        rng.shuffle(lines)
    elif way == 1:
        lines = [line for line in lines if rng.random() < 0.5]
    elif way == 2:
        lines = [line for line in lines for _ in range(rng.choice((1, 2)))]
    elif way == 3:
        mark = rng.choice((b",", b"\t", b" ", b";"))
        lines = [
            line + mark + b"x" if rng.random() < 0.2 else line.rpartition(mark)[0] or line for line in lines
        ]
    else:
        lines = [
            line.replace(b"1", rng.choice(SNIPPETS[:14])) if rng.random() < 0.1 else line for line in lines
        ]
    return b"\n".join(lines)


def damage_value(content: Any, rng: random.Random) -> Any:
    """A copy of plain containers with one value replaced, removed or added."""
    content = copy.deepcopy(content)
    places = [place for place in _places(content) if not _is_work(place)]
    if not places:
        return rng.choice(VALUES)
    holder, key, _ = rng.choice(places)
    way = rng.randrange(5)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[rng.choice(("", "x", "_target_", "hydra", 1, "文"))] = rng.choice(VALUES)
    else:
        holder[key] = rng.choice(VALUES)
    return content


def _places(content: Any, path: tuple = ()) -> Iterator[tuple[Any, Any, tuple]]:
    """Each container in plain containers with each of its keys, and the path to it."""
    items = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in list(items):
        yield content, key, (*path, key)
        yield from _places(value, (*path, key))


def _is_work(place: tuple[Any, Any, tuple]) -> bool:
    """Whether a value says how much work is done, which may take long by right."""
    return any(part in WORK for part in place[2])


def damage_json(path: Path, rng: random.Random) -> None:
    """Damage one value of a JSON file."""
    path.write_text(json.dumps(damage_value(json.loads(path.read_text()), rng)))


def damage_yaml(path: Path, rng: random.Random) -> None:
    """Damage one value of a YAML file."""
    import yaml

    path.write_text(yaml.safe_dump(damage_value(yaml.safe_load(path.read_text()), rng), allow_unicode=True))


def damage_checkpoint(path: Path, rng: random.Random) -> None:
    """Damage one value or tensor of a checkpoint, whose checksums are right again afterwards."""
    import torch

    content = torch.load(path, weights_only=True)
    tensors = [place for place in _places(content) if isinstance(place[0][place[1]], torch.Tensor)]
    if tensors and rng.random() < 0.4:
        holder, key, _ = rng.choice(tensors)
        holder[key] = _other_tensor(holder[key], rng)
    else:
        part = rng.choice(
            ("config", "artifacts", "loops", "optimizer_states", "callbacks", "random", "whole")
        )
        if part == "whole" or part not in content:
            content = damage_value(content, rng)
        else:
            content = {**content, part: damage_value(content[part], rng)}
    torch.save(content, path)


def _other_tensor(tensor: Any, rng: random.Random) -> Any:
    """A tensor of another shape, type, layout, device or range."""
    import torch

    flat = tensor.reshape(-1)
    ways = (
        *(lambda: flat[:0], lambda: flat, lambda: tensor.unsqueeze(0), lambda: torch.cat([flat, flat])),
        *(
            lambda: tensor.double(),
            lambda: tensor.to(torch.int8),
            lambda: tensor.bool(),
            lambda: tensor.half(),
        ),
        *(lambda: tensor.float() * float("nan"), lambda: tensor.float() * 1e38, lambda: torch.zeros(())),
        *(lambda: tensor.to(torch.complex64), lambda: torch.zeros(1, LARGE), lambda: tensor.to("meta")),
        lambda: tensor.float().to_sparse(),
    )
    return rng.choice(ways)()

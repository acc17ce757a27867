"""A recorded configuration is plain data of a bounded size."""

from pathlib import Path

import pytest

from throughtime.config import recorded
from throughtime.errors import UserError

WHOLE = "task: {a: 1}\ndata: {path: x}\ntrainer: {}\nseed: 1\n"


def read(text: str | bytes, folder: Path) -> dict:
    path = folder / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return recorded.read_recorded(path)


def test_plain_values_are_read(tmp_path: Path) -> None:
    assert read(WHOLE, tmp_path) == {"task": {"a": 1}, "data": {"path": "x"}, "trainer": {}, "seed": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{WHOLE}hydra: {{callbacks: {{}}}}\n", "no hydra"),
        (f"{WHOLE}defaults: [a]\n", "no defaults"),
        (f"{WHOLE}trust: os\n", "no trust"),
        (
            WHOLE.replace("path: x", "path: '${oc.env:HOME}'"),
            r"data\.path=\$\{oc\.env:HOME\} is an interpolation",
        ),
        (WHOLE.replace("{a: 1}", "{a: [1, '${seed}']}"), r"task\.a\[1\]"),
        ("seed: 1\n", "is not the configuration of a run"),
        ("- 1\n", "is not the configuration of a run"),
        ("a: &x [1]\nb: *x\n", "anchor"),
        (f"{WHOLE}a: !!python/object/apply:os.system [touch hostile]\n", "line 5"),
        ("a: [", "line"),
        (b"\xff\xfe\x00", "is not the configuration of a run"),
        ("[" * 100_000, "is not the configuration of a run"),
        (f"{WHOLE}a: {'x' * (1 << 20)}\n", "bytes"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        read(text, tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        recorded.read_recorded(tmp_path / "config.yaml")

"""Random values of settings: near the default, of another type or range, and of Hydra's grammar."""

import random
from typing import Any

HOSTILE = (
    *(
        "null",
        "true",
        "false",
        "-1",
        "0",
        "1",
        "2",
        "7",
        "0.5",
        "-0.5",
        "1e-30",
        "1e300",
        "nan",
        "inf",
        "-inf",
    ),
    *("1000000000", "-1000000000", "2147483648", "9223372036854775807", "9" * 30, "1_000", "0x10", "1e3"),
    *(
        "''",
        "' '",
        "abc",
        "'1'",
        "[]",
        "{}",
        "[1]",
        "[1,2]",
        "[null]",
        "[nan,nan,nan]",
        "[[1],[2]]",
        "[0.5,-1]",
    ),
    *("{a:1}", "{1:2}", "{_target_:os.system}", "{_target_:throughtime.cell.LSTM}", "[{a:[{b:c}]}]"),
    *("{_target_:torch.optim.AdamW}", "{_target_:lightning.pytorch.callbacks.Timer}", "{_partial_:true}"),
    *("'${oc.env:HOME}'", "'${seed}'", "'${nope}'", "'${cell}'", "${now:%Y}", "???", "'???'"),
    *("文", "'é ☃'", "'a\\nb'", "'\\x1b[31m'", "\u202eabc", "a=b", "it's", "a(1)", "a b", "key: value"),
    *(
        "/nothing",
        "..",
        ".",
        "~",
        "~nobody/x",
        "*",
        "work",
        "/dev/null",
        "../outside/kept.txt",
        "nothing/there.txt",
    ),
    *(
        ";",
        ",",
        "a,",
        "%Q",
        "{",
        "[",
        "]",
        "}",
        "\\",
        '"',
        "'",
        "$",
        "`",
        "@",
        "#x",
        "!!python/object:os.system",
    ),
    *(
        "range(1,3)",
        "glob(*)",
        "choice(1,2)",
        "interval(0,1)",
        "int(3.7)",
        "str(1)",
        "shuffle(1,2)",
        "tag(a,1)",
    ),
    *("x" * 5000, "[" * 200 + "]" * 200, "1," * 20 + "1", "-", "--help", "=", "==", "+", "++"),
)
"""Values that are right for few keys or for none."""

WORK = (
    *(
        "max_steps",
        "max_epochs",
        "max_time",
        "min_steps",
        "min_epochs",
        "length",
        "count",
        "paths",
        "origins",
    ),
    *("refit_steps", "points", "steps", "samples", "washout", "systems", "realisations"),
)
"""Last parts of keys that say how much work is done; a large number is right for them, and takes long."""

LARGE = 10_000


def hostile(key: str, rng: random.Random) -> str:
    """A hostile value of a key; of one that says how much work is done no large number."""
    while True:
        value = rng.choice(HOSTILE)
        if key.rpartition(".")[2] not in WORK or not _is_large(value):
            return value


def _is_large(text: str) -> bool:
    try:
        return float(text) > LARGE
    except ValueError:
        return False


def near(value: Any, rng: random.Random) -> str:
    """A value of the same type as a default, and near it."""
    if isinstance(value, bool):
        return rng.choice(("true", "false"))
    if isinstance(value, int):
        return str(max(0, value + rng.randint(-2, 2)) if value < LARGE else value)
    if isinstance(value, float):
        return repr(round(value * rng.uniform(0.5, 1.5), 6))
    if isinstance(value, list):
        return "[" + ",".join(near(one, rng) for one in value) + "]"
    if value is None:
        return rng.choice(("null", "1", "2"))
    return (
        "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'" if isinstance(value, str) else "{}"
    )

"""The fuzz: a minute of it without a fault, and planted faults of each kind that it must find."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import damage, shapes
from fuzzing.run import KINDS, ORDER, Summary, kind_of, table
from fuzzing.values import HOSTILE, WORK, hostile

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

PLANTED = {
    "a run in its folder": ("(Path('runs') / 'a').mkdir(parents=True)", []),
    "a sentence": ("print('error: data.path is missing', file=sys.stderr); sys.exit(2)", []),
    "an exception": ("{}['missing']", ["exit code 1", "traceback"]),
    "a printed traceback": ("try: {}[0]\nexcept KeyError: traceback.print_exc()", ["traceback"]),
    "no sentence": ("sys.exit(2)", ["exit code 2 without a sentence"]),
    "another exit code": ("sys.exit(3)", ["exit code 3"]),
    "a hang": ("time.sleep(100)", ["hang"]),
    "a loop without end": ("while True: pass", ["hang"]),
    "a crash": ("ctypes.string_at(0)", ["crash: ended by signal 11"]),
    "an abort": ("os.abort()", ["crash: ended by signal 6"]),
    "a file in the home": (
        "Path.home().joinpath('new').touch()",
        ["write outside the run's folder: created home/new"],
    ),
    "a file in the temporary folder": (
        "tempfile.mkstemp(prefix='left')",
        ["write outside the run's folder: created tmp/left"],
    ),
    "a file beside the runs": ("Path('new').touch()", ["write outside the run's folder: created work/new"]),
    "another file changed": (
        "Path('../outside/kept.txt').write_text('x')",
        ["write outside the run's folder: changed outside/kept.txt"],
    ),
    "the data removed": (
        "Path('data.txt').unlink()",
        ["write outside the run's folder: removed work/data.txt"],
    ),
    "a file outside the sandbox": (
        "Path(os.environ['ELSEWHERE']).write_text('x')",
        ["write outside the run's folder: open '{elsewhere}'"],
    ),
    "a folder outside the sandbox": (
        "Path(os.environ['ELSEWHERE'] + '2').mkdir()",
        ["write outside the run's folder: os.mkdir '{elsewhere}2'"],
    ),
    "much memory": ("memory = bytearray(600 << 20)", ["memory: 0."]),
    "memory without end": ("memory = bytearray(1 << 40)", ["exit code 1", "traceback"]),
    "a process that stays": ("subprocess.Popen(['sleep', '100'])", ["left processes that still ran"]),
}
"""Actions, and the beginnings of the faults that must be found in them."""

PROGRAM = """
import ctypes, json, os, subprocess, sys, tempfile, time, traceback
from pathlib import Path
from fuzzing.case import Case
from fuzzing.process import Limits
from fuzzing.run import run_one
from fuzzing.sandbox import Sandbox
from fuzzing.template import Template

root = Path(sys.argv[1])
template = Template(root, Sandbox(root / "box"), {})
(template.files / "work").mkdir(parents=True)
(template.files / "work" / "data.txt").write_text("data")
template.kernels.mkdir()
limits = Limits(seconds=2, memory=512 << 20)
found = {}
for name, code in json.loads(sys.argv[2]).items():
    case = Case("planted", name, lambda: exec(code, globals()), parts=("work",), new=("work/runs",))
    found[name] = run_one(template, case, limits)[1]
print(json.dumps(found))
"""


def run_python(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(SCRIPTS), *sys.path])} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_minute_of_it_ends_without_a_fault() -> None:
    finished = run_python(str(SCRIPTS / "fuzz.py"), "--seed", "1", "--seconds", "60")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    counts = {row[0]: row for row in (line.split() for line in finished.stdout.splitlines()) if row}
    assert counts.keys() >= KINDS.keys()
    assert int(counts["settings"][2]) > 0  # some of them are right, and train


def test_planted_faults_of_each_kind_are_found_and_nothing_else_is(tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    (tmp_path / "fuzz").mkdir()
    codes = json.dumps({name: code for name, (code, _) in PLANTED.items()})
    finished = run_python("-c", PROGRAM, str(tmp_path / "fuzz"), codes, ELSEWHERE=elsewhere)
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout)
    expected = {
        name: [one.format(elsewhere=elsewhere) for one in faults] for name, (_, faults) in PLANTED.items()
    }
    for name, faults in expected.items():
        assert len(found[name]) == len(faults), (name, found[name])
        for fault, beginning in zip(found[name], faults, strict=True):
            assert fault.startswith(beginning), name


def test_a_case_with_a_fault_is_told_with_its_command_and_fails_the_script(tmp_path: Path) -> None:
    program = (
        "import argparse, random, sys; from fuzzing import run; from fuzzing.case import Case\n"
        "from fuzzing.sandbox import Sandbox; from fuzzing.template import Template\n"
        "def make(root, with_runs): (root / 'kernels').mkdir(); return Template(root, Sandbox(root / 'box'), {})\n"
        "run.make_template, run.import_libraries = make, lambda: None\n"
        "run.KINDS['shapes'] = lambda template, chance: Case('shapes', 'planted', lambda: 1 / chance.randint(0, 1))\n"
        "asked = argparse.Namespace(seed=5, first=0, cases=400, seconds=None)\n"
        "vars(asked).update(only='shapes', case=None, verbose=False)\n"
        "sys.exit(run.fuzz(asked))"
    )
    finished = run_python("-c", program, TMPDIR=str(tmp_path))
    assert finished.returncode == 1, finished.stderr
    repeat = "  repeat: python scripts/fuzz.py --seed 5"
    failed = [line for line in finished.stdout.splitlines() if line.startswith(repeat)]
    chances = [
        random.Random(f"5/{number}").randint(0, 1) for number in range(400) if kind_of(number) == "shapes"
    ]
    assert len(failed) == chances.count(0) > 0
    row = next(line.split() for line in finished.stdout.splitlines() if line.startswith("shapes"))
    assert row[1:4] == [str(len(chances)), str(chances.count(1)), str(chances.count(0))]
    assert list(tmp_path.iterdir()) == []  # it removes its own files


def test_every_kind_takes_part() -> None:
    assert set(ORDER) == set(KINDS)
    assert {line.split()[0] for line in table({kind: Summary() for kind in KINDS}).splitlines()[1:]} == set(
        KINDS
    )


def test_large_numbers_are_not_given_to_keys_that_say_how_long_a_run_is() -> None:
    chance = random.Random(1)
    assert "1000000000" in {hostile("cell.hidden_size", chance) for _ in range(20 * len(HOSTILE))}
    assert "1000000000" not in {hostile(f"trainer.{WORK[0]}", chance) for _ in range(20 * len(HOSTILE))}


def test_damage_of_bytes_and_values_is_repeated_by_its_seed(tmp_path: Path) -> None:
    path, other = tmp_path / "file.json", tmp_path / "other"
    other.write_bytes(b"other")
    text = json.dumps({"a": [1, 2, {"b": "c"}], "d": None})

    def damaged(seed: int, by_value: bool) -> bytes:
        path.write_text(text)
        chance = random.Random(seed)
        if by_value:
            damage.damage_json(path, chance)
        else:
            damage.damage_bytes(path, [other], chance)
        return path.read_bytes()

    for by_value in (False, True):
        results = [damaged(seed, by_value) for seed in range(60)]
        assert results == [damaged(seed, by_value) for seed in range(60)]
        assert len(set(results)) > 30


@pytest.mark.parametrize("fault", ["numbers", "gradients", "error", "no error"])
def test_an_engine_with_planted_faults_is_found(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    build = shapes._build

    class Wrong:
        def __init__(self) -> None:
            self.plain = build("engine", "reference")

        def run(self, cell, inputs, state, lengths, resets):
            if fault == "no error":
                inputs = inputs.float() if hasattr(inputs, "float") else inputs
            outputs, after = self.plain.run(cell, inputs, state, lengths, resets)
            if fault == "numbers":
                outputs = outputs + 0.01
            if fault == "gradients":
                outputs = outputs.detach() + 2 * (outputs - outputs.detach())
            if fault == "error":
                raise IndexError("out of range")
            return outputs, after

    def planted(group: str, name: str, **given):
        return Wrong() if (group, name) == ("engine", "bptt") else build(group, name, **given)

    shapes.compare("reference", "gru", 1)
    monkeypatch.setattr(shapes, "_build", planted)
    with pytest.raises((AssertionError, IndexError)):
        for seed in range(40):
            shapes.compare("bptt", "gru", seed)

"""The graph of ONNX is the model for any number of steps and lanes, and hands its state on.

Only the script traces here: the checks of shapes in the tests would refuse the symbols that stand for sizes.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from throughtime.errors import UserError
from throughtime.inference.export_onnx import check_onnx, check_packages
from throughtime.inference.load import load

CELLS = {
    "elman": (),
    "gru": ("cell.learned_state=true",),
    "lstm with all parts": ("cell.learned_state=true", "cell.peepholes=true"),
}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.slow if name == "gru" else ()) for name in CELLS],
)
def exported(request, command_in, small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two layers, exported; its folder."""
    home = tmp_path_factory.mktemp(request.param.partition(" ")[0])
    cell = (f"cell={request.param.partition(' ')[0]}", *CELLS[request.param])
    options = (*cell, "model.layers.depth=2", "trainer.max_steps=2", "engine=reference")
    command = command_in(home)
    assert command("train.py", *small, *options, "hydra.run.dir=run").returncode == 0
    finished = command("scripts/export.py", "run", "--format", "onnx")
    assert (finished.returncode, finished.stderr) == (0, ""), finished.stderr
    assert "inputs   ids [T, B], state_0_hidden [B, 8]" in finished.stdout
    assert "checked  against PyTorch at T=6 B=3, T=1 B=1" in finished.stdout
    return home / "run"


def test_it_is_the_model_at_other_sizes_too_and_in_chunks(exported: Path) -> None:
    path = exported / "export_onnx" / "model.onnx"
    session = onnxruntime.InferenceSession(str(path))
    task = load(exported).task
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(len(task.head.bias), (23, 4), generator=generator)
    with torch.inference_mode():
        features, _ = task.model(ids, task.model.initial_state(4))
        expected = task.head.predict(features).numpy()
    names = [node.name for node in session.get_inputs()][1:]
    state = {name: np.zeros((4, 8), np.float32) for name in names}
    parts = []
    for chunk in (ids[:9], ids[9:10], ids[10:]):
        answer, *after = session.run(None, {"ids": chunk.numpy(), **state})
        state = dict(zip(names, after, strict=True))
        parts.append(answer)
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-4, atol=1e-5)


def test_every_layer_is_one_loop_and_the_axes_are_named(exported: Path) -> None:
    model = onnx.load(exported / "export_onnx" / "model.onnx")
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("Scan") == 2
    (ids, *_) = model.graph.input
    assert [axis.dim_param for axis in ids.type.tensor_type.shape.dim] == ["T", "B"]
    files = sorted(path.name for path in (exported / "export_onnx").iterdir())
    assert files == ["artifacts.json", "config.yaml", "model.onnx"]


def test_a_graph_that_computes_something_else_is_noticed(exported: Path) -> None:
    task = load(exported).task
    path = exported / "export_onnx" / "model.onnx"
    assert check_onnx(task.export_graph(), path) < 1e-5
    with torch.no_grad():
        task.head.bias += torch.linspace(0, 1, len(task.head.bias))
    assert check_onnx(task.export_graph(), path) > 1e-3


def test_without_its_packages_it_says_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnx" else find(name))
    with pytest.raises(UserError, match=r"--format onnx needs onnx; .*pip install 'throughtime\[onnx\]'"):
        check_packages()


def test_what_cannot_be_exported_says_so_in_a_sentence(command, tmp_path: Path) -> None:
    options = ("task=forecasting", "data=airpassengers", "model=encoder_decoder", "debug=fast")
    small = ("cell.hidden_size=4", "engine=reference", "hydra.run.dir=run", "task.backtest.origins=0")
    assert command("train.py", *options, *small).returncode == 0
    finished = command("scripts/export.py", "run", "--format", "onnx")
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1
    assert "model=segments and direct can" in finished.stderr
    assert not (tmp_path / "run" / "export_onnx").exists()


def test_the_runtime_leaves_no_files_of_its_own(tmp_path: Path) -> None:
    program = "from throughtime.inference.export_onnx import onnx_runtime; onnx_runtime()"
    folders = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    environment = os.environ | folders | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert [path for path in tmp_path.rglob("*") if path.name == ".ses" or "Microsoft" in path.parts] == []

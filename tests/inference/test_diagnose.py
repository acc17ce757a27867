"""A planted vanishing gradient, a planted exploding one and a healthy run are told apart."""

from pathlib import Path

import pytest
import torch

from throughtime.errors import UserError
from throughtime.inference.diagnose import changes, diagnose

SETTINGS = (
    "cell=elman",
    "cell.output_activation=null",
    "cell.activation=identity",
    "trainer.max_steps=1",
    "trainer.limit_val_batches=1",
    "trainer.limit_test_batches=0",
    "logger=none",
)


def plant(run: Path, name: str, rho: float) -> Path:
    """A checkpoint whose recurrent matrix is ρ times an orthogonal one."""
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    weight = content["state_dict"]["model.layers.cells.0.weight_recurrent"]
    orthogonal, _ = torch.linalg.qr(torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    weight.copy_(rho * orthogonal)
    path = run / "checkpoints" / f"{name}.ckpt"
    torch.save(content, path)
    return path


def test_planted_gradients_are_named(fit_small, tmp_path: Path) -> None:
    run = fit_small(*SETTINGS)
    for name, rho in (("vanishes", 0.3), ("explodes", 1.5), ("healthy", 0.9)):
        folder = tmp_path / name
        folder.mkdir()
        verdict, (image, document) = diagnose(str(plant(run, name, rho)), output=folder)
        assert verdict.kind == name, verdict.sentences
        assert len(verdict.sentences) == 3
        assert image.parent == document.parent == folder
        assert image.read_bytes().startswith(b"\x89PNG")
        assert verdict.sentences[0] in document.read_text()
        advised = {line.rpartition(" ")[2] for _, line in verdict.commands}
        assert ("cell=lstm" in advised) == (name != "healthy")
        assert all(
            "cell.activation=identity" in line for _, line in verdict.commands if "cell=lstm" not in line
        )
    with pytest.raises(UserError, match="is no folder"):
        diagnose(str(run), output=tmp_path / "missing")


def test_saturation_is_named_as_the_cause(fit_small, tmp_path: Path) -> None:
    run = fit_small(*(word.replace("identity", "tanh") for word in SETTINGS))
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    content["state_dict"]["model.layers.cells.0.bias"].fill_(8.0)
    torch.save(content, run / "checkpoints" / "last.ckpt")
    verdict, _ = diagnose(str(run / "checkpoints" / "last.ckpt"), output=tmp_path)
    assert verdict.kind == "vanishes"
    assert "of the values of tanh 1 are saturated" in verdict.sentences[1]


def test_the_history_is_that_of_the_table_up_to_the_checkpoint(tmp_path: Path) -> None:
    table = tmp_path / "gradient_flow.csv"
    assert changes(table, 10) == {}
    rows = [
        (step, "a", lag, rate**lag, 1) for step, rate in ((5, 0.5), (10, 2.0), (15, 1.0)) for lag in range(4)
    ]
    rows.append((10, "a", 4, "nan", 1))
    table.write_text("step,layer,lag,late,chunk\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows))
    assert changes(table, 10) == {"a": [(5, pytest.approx(1 / 8)), (10, pytest.approx(8))]}

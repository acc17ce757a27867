"""Export of a trained model: weights or a graph, with its configuration and artifacts."""

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import load_model, save_model
from torch import Tensor

from throughtime.errors import UserError, check_choice
from throughtime.inference.averages import RAW
from throughtime.inference.export_onnx import check_packages, write_onnx
from throughtime.inference.load import Loaded, load
from throughtime.run.build import build_task
from throughtime.run.folder import Created

FORMATS = ("safetensors", "onnx")


def export(path: str, format: str, output: Path | None = None, weights: str = RAW) -> str:
    """Write the model at `path`; what is written is checked first and then put in its place all at once.

    A folder comes to hold `model.safetensors` or `model.onnx`, `config.yaml` (the run's whole configuration) and
    `artifacts.json` (what the data fitted: vocabulary, scaler, sizes).

    Args:
        path: the folder of a run, or a checkpoint.
        format: `safetensors` or `onnx`.
        output: the folder to write to; None for `export_<format>` in the run's folder, or beside the checkpoint.
        weights: `raw`, or an average that the run kept: `ema` or `average`.

    Returns:
        what was written, in a few lines.

    Raises:
        UserError: there is no such checkpoint, the model has no such form, or the folder cannot be written.
    """
    check_choice(FORMATS, **{"--format": format})
    if format == "onnx":
        check_packages()
    loaded = load(path, weights)
    home = Path(path) if Path(path).is_dir() else Path(path).parent
    folder = home / f"export_{format}" if output is None else output
    if (folder / "config.yaml").exists() and not (folder / "artifacts.json").exists():
        raise UserError(f"--output={folder} holds a config.yaml that is of no export; name another folder")
    created = Created()
    try:
        created.make_folder(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as unfinished:
            message = _write(loaded, format, Path(unfinished))
            for file in Path(unfinished).iterdir():
                os.replace(file, folder / file.name)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        created.remove()  # the folders that are empty, where nothing was written
    return f"{message}\nfolder   {folder}"


def _write(loaded: Loaded, format: str, folder: Path) -> str:
    text = yaml.safe_dump(loaded.config, sort_keys=False, allow_unicode=True)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    artifacts = json.dumps(plain(loaded.artifacts), indent=1, ensure_ascii=False, allow_nan=False)
    (folder / "artifacts.json").write_text(artifacts + "\n", encoding="utf-8")
    if format == "onnx":
        return write_onnx(loaded.task.export_graph(), folder / "model.onnx")
    return write_safetensors(loaded, folder / "model.safetensors")


def write_safetensors(loaded: Loaded, path: Path) -> str:
    """Write the weights by their names and read them back into a new model; a shared matrix is written once."""
    task = loaded.task
    save_model(task, str(path), metadata={"format": "pt", "task": task.name})
    again = build_task(loaded.config, loaded.artifacts)
    load_model(again, str(path))
    if not all(a.equal(b) for a, b in zip(task.parameters(), again.parameters(), strict=True)):
        raise UserError(f"{path} does not hold what was written; is the disk sound?")
    return f"weights  {sum(parameter.numel() for parameter in task.parameters()):,} parameters"


def plain(value: Any) -> Any:
    """A value in the types of JSON: tensors as nested lists, numbers that are not finite as null."""
    if isinstance(value, Tensor):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

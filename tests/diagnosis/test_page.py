"""The page holds the verdict, the commands and the figure, and loads nothing."""

import re
from pathlib import Path

import pytest
import torch

from throughtime.cell.elman import Elman
from throughtime.cell.lstm import LSTM
from throughtime.diagnosis.gradient_flow import LayerFlow
from throughtime.diagnosis.layer import LayerDiagnosis, diagnose_layer
from throughtime.diagnosis.page import write_page
from throughtime.diagnosis.probe import CellRun
from throughtime.diagnosis.verdict import Verdict

VERDICT = Verdict("vanishes", ("What <b>.", "Why.", "Then."), [("cell: gates", "python train.py 'a=<1>'")])


@pytest.fixture(scope="module")
def layers() -> list[LayerDiagnosis]:
    torch.manual_seed(0)
    found = []
    for name, cell in (("a", LSTM(1, 3)), ("b<", Elman(1, 3, activation="relu", output_activation=None))):
        norms = 0.5 ** torch.arange(6.0)
        run = CellRun(name, cell, torch.randn(6, 2, 1), cell.initial_state(2), None, None)
        found.append(diagnose_layer(LayerFlow(name, norms, norms), [run]))
    return found


def test_png_and_html_are_written(layers: list[LayerDiagnosis], tmp_path: Path) -> None:
    image, document = write_page(tmp_path, "run <1>", VERDICT, layers)
    assert image.read_bytes().startswith(b"\x89PNG")
    text = document.read_text()
    assert "What &lt;b&gt;." in text
    assert "python train.py &#x27;a=&lt;1&gt;&#x27;" in text
    assert "<td>b&lt;</td>" in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "<script" not in text


def test_a_layer_without_gates_has_a_page_too(layers: list[LayerDiagnosis], tmp_path: Path) -> None:
    write_page(tmp_path, "one", VERDICT, layers[1:])

import json

import pytest
from benchmarks import cells
from benchmarks.figure import figure
from benchmarks.shapes import Shape
from benchmarks.table import table


@pytest.fixture(scope="module")
def measured():
    kinds, names = ["torch", "loop", "lstm", "compile"], ["gru", "lstm", "layernorm_lstm"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "QUICK", [Shape(1, 2, 8), Shape(2, 3, 8)])
        patch.setattr(cells, "ENOUGH_QUICK", 0.0)
        return cells.measure(kinds, names, [1, 2], 0.2, True, lambda line: None)


def test_results_are_complete_and_have_their_provenance(measured):
    measured = json.loads(json.dumps(measured))
    assert {"date", "git", "processor", "cores", "torch"} <= set(measured)
    assert set(measured["compile_seconds"]) == {"gru", "lstm", "layernorm_lstm"}
    assert len(measured["comparisons"]) == 2 * 4
    for each in measured["comparisons"]:
        ratios = [shape["theirs"] / shape["ours"] for shape in each["shapes"]]
        assert ratios == pytest.approx([shape["ratio"] for shape in each["shapes"]])
        assert min(ratios) == pytest.approx(each["worst"]["ratio"])
        assert len(ratios) + len(each["left_out"]) == 2


def test_a_ratio_and_its_inverse_have_the_geometric_mean_1():
    rows = [{"ratio": 4.0}, {"ratio": 0.25}]
    assert cells.summary(rows)["geometric_mean"] == pytest.approx(1.0)
    assert cells.summary(rows)["worst"] == {"ratio": 0.25}


def test_pooled_cells_have_the_shapes_of_each():
    rows = [[{"ratio": 1.0}, {"ratio": 9.0}], [{"ratio": 3.0}]]
    each = [
        {"threads": 1, "kind": "loop", "comparison": name, "left_out": [], **cells.summary(row)}
        for name, row in zip("ab", rows, strict=True)
    ]
    (found,) = cells.pooled(each)
    assert found["geometric_mean"] == pytest.approx(3.0)
    assert found["worst"] == {"of": "a", "ratio": 1.0}
    assert found["comparison"] == "2 cells: fused / the plain loop"
    assert cells.pooled(each[:1]) == []


def test_shapes_beyond_the_memory_are_left_out_and_reported(monkeypatch):
    shapes = [Shape(1, 2, 8), Shape(1, 64, 8)]
    monkeypatch.setattr(cells, "QUICK", shapes)
    monkeypatch.setattr(cells, "ENOUGH_QUICK", 0.0)
    monkeypatch.setattr(cells, "free_bytes", lambda: shapes[1].bytes - 1)
    found = cells.measure(["torch"], ["gru"], [1], 0.2, True, lambda line: None)
    assert [row["for"] for row in found["comparisons"][0]["left_out"]] == ["memory"]
    assert "0 for time and 1 for memory; in no comparison: B1 T64 H8" in table(found)


def test_the_table_fits_into_80_columns_and_has_a_row_for_each_comparison(measured):
    lines = table(measured).splitlines()
    assert max(map(len, lines)) <= 80
    for each in measured["comparisons"]:
        assert sum(line.startswith(each["comparison"] + " ") for line in lines) == 2


def test_unsupported_comparisons_are_reported_and_not_run(monkeypatch):
    monkeypatch.setattr(cells, "QUICK", [Shape(1, 2, 8)])
    monkeypatch.setattr(
        "benchmarks.variants.Variant.unsupported_reason", lambda variant: f"no {variant.engine} here"
    )
    found = cells.measure(["torch"], ["gru"], [1], 0.2, True, lambda line: None)
    assert found["comparisons"] == []
    assert "not measured: gru: fused / torch.nn.GRU (no fused here)" in table(found)


def test_the_figure_is_written(measured, tmp_path):
    figure(measured, tmp_path / "benchmark.png")
    assert (tmp_path / "benchmark.png").read_bytes().startswith(b"\x89PNG")

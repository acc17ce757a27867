"""benchmark.py products: every library computes the same product, and the figures are shares of a peak."""

import pytest
import torch
from benchmarks import peak, products
from benchmarks.products import Product, measure, table, workloads

from throughtime.engine.compiler.runtime.toolchain import CompilerError
from throughtime.errors import UserError


@pytest.mark.parametrize("kind", ["rows", "outer"])
def test_all_libraries_compute_the_same_product(kind):
    product = Product(kind, rows=24, features=8, columns=40)
    results = {name: work() for name, work in workloads(product).items()}
    assert {"ours", "BLAS"} <= set(results)
    shape = (24, 40) if kind == "rows" else (8, 40)
    for result in results.values():
        assert result.shape == shape
        torch.testing.assert_close(result, results["BLAS"], rtol=1e-4, atol=1e-4)


def test_each_product_is_measured_once_the_small_ones_first():
    found = products.products(quick=False)
    assert len(set(found)) == len(found)
    assert {each.rows for each in found if each.kind == "outer"} == set(products.ROWS)
    assert [each.flops for each in found] == sorted(each.flops for each in found)
    assert Product("rows", 64, 128, 512).flops == 2 * 64 * 128 * 512


def test_a_row_is_a_share_of_the_peak(monkeypatch):
    monkeypatch.setattr(products, "ENOUGH", 0.0)
    monkeypatch.setattr(peak, "REPEATS", 2)
    peak.peak_flops.cache_clear()
    found = measure([1], True, lambda line: None)
    assert len(found["rows"]) == products.QUICK
    text = table(found)
    for row in found["rows"]:
        share = row["flops"] / row["seconds"]["ours"] / found["peak_flops"][1]
        assert f"{share:.0%}" in text
    assert max(map(len, text.splitlines()[:-1])) <= 80
    peak.peak_flops.cache_clear()


def test_a_machine_without_a_compiler_is_told_what_is_missing(monkeypatch):
    def fail(source):
        raise CompilerError("there is no C compiler on this machine")

    monkeypatch.setattr(peak, "library", fail)
    for cached in (peak.peak_flops, peak._library):
        cached.cache_clear()
    with pytest.raises(UserError, match="measured in C, and there is no C compiler on this machine; install"):
        measure([1], True, lambda line: None)

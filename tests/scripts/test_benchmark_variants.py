import pytest
import torch
from benchmarks.comparisons import comparisons
from benchmarks.shapes import Shape
from benchmarks.variants import MODULES, TORCH, Variant, cell_names, make_cell, make_engine

from throughtime.errors import UserError

OWN = """
from throughtime.cell.mgu import MGU
class Own(MGU): pass
number = 1
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return f"{tmp_path}/own.py"


@pytest.mark.parametrize("name", MODULES)
def test_a_cell_and_torchs_module_do_the_same_work(name):
    """The same weights give the same outputs, so that what is compared is worth comparing."""
    cell, module = make_cell(name, 6), MODULES[name](6, 6)
    inputs = torch.randn(5, 2, 6)
    with torch.no_grad():
        for own, theirs in ((cell.weight_input, "weight_ih_l0"), (cell.weight_recurrent, "weight_hh_l0")):
            own.copy_(getattr(module, theirs))
        recurrent = module.bias_hh_l0
        if name == "gru":
            cell.bias_recurrent.copy_(recurrent[-6:])
            recurrent = torch.cat((recurrent[:-6], torch.zeros(6)))
        cell.bias.copy_(module.bias_ih_l0 + recurrent)
    outputs, _ = make_engine("reference").run(cell, inputs, cell.initial_state(2))
    torch.testing.assert_close(outputs, module(inputs)[0])


@pytest.mark.parametrize("engine", ["fused", "bptt", "reference", "auto", TORCH])
def test_every_variant_runs_as_often_as_asked(engine):
    variant = Variant("lstm", engine)
    work = variant.workload(Shape(2, 3, 8))
    work()
    work()
    assert variant.unsupported_reason() is None


def test_a_cell_of_ones_own_comes_from_its_file(own):
    Variant(f"{own}:Own", "fused").workload(Shape(2, 3, 8))()
    assert str(comparisons(["loop"], [f"{own}:Own"])[0]) == "own.py:Own: fused / the plain loop"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", "no cell=nothing"),
        ("nothing.py:Own", r"nothing\.py cannot be read"),
        ("{own}:Other", "no class Other"),
        ("{own}:number", "no class number"),
    ],
)
def test_a_cell_that_is_not_there_is_named(own, name, sentence):
    with pytest.raises(UserError, match=sentence):
        make_cell(name.format(own=own), 8)


def test_each_kind_compares_the_variants_it_names():
    found = comparisons(["torch", "loop", "bptt", "lstm", "scan"], cell_names())
    kinds = {
        kind: [each.ours.cell for each in found if each.kind == kind] for kind in ("torch", "loop", "bptt")
    }
    assert kinds["torch"] == sorted(MODULES)
    assert sorted(kinds["torch"] + kinds["loop"]) == kinds["bptt"] == cell_names()
    assert {each.ours.cell for each in found if each.kind == "scan"} == {"lru", "mingru", "minlstm", "rglru"}
    assert {str(each) for each in found if each.kind == "lstm"} == {
        "layernorm_lstm: fused / lstm fused",
        "zoneout: fused / lstm fused",
    }
    assert {each.min_hidden_size for each in comparisons(["bf16"], cell_names())} == {256}


def test_a_variant_that_its_engine_cannot_run_has_a_reason():
    assert Variant("lstm", "scan").unsupported_reason() is not None
    assert Variant("lru", "scan").unsupported_reason() is None

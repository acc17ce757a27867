"""The command as a user types it."""

import pytest

OWN = "from throughtime.cell.mgu import MGU\nclass Own(MGU): pass\n"


def test_show_prints_the_c_of_the_cell_and_no_more_unless_asked(command):
    shown = command("scripts/benchmark.py", "show", "cell=mgu", "cell.hidden_size=24")
    assert shown.returncode == 0, shown.stderr
    assert "TANH(" in shown.stdout
    assert "24" in shown.stdout
    assert "#include" not in shown.stdout
    whole = command("scripts/benchmark.py", "show", "cell=mgu", "cell.hidden_size=24", "--all")
    assert "#include" in whole.stdout
    assert shown.stdout.strip() in whole.stdout


def test_show_takes_a_cell_of_ones_own(command, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    shown = command("scripts/benchmark.py", "show", "cell=own.py:Own", "cell.hidden_size=24", folder=tmp_path)
    ours = command("scripts/benchmark.py", "show", "cell=mgu", "cell.hidden_size=24")
    assert shown.stdout == ours.stdout


def test_a_run_is_measured_against_a_bare_loop_or_other_settings(command, small_text):
    short = ("--rounds", "1", "--steps", "3", "cell.hidden_size=8", f"data.path={small_text}")
    bare = command("scripts/benchmark.py", "training", *short)
    assert "against                      a bare loop" in bare.stdout, bare.stderr
    other = command("scripts/benchmark.py", "training", *short, "cell=mgu", "--against", "engine=reference")
    assert "against                      engine=reference" in other.stdout, other.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cells", "nothing"], "there is no comparison nothing; choose among torch, loop"),
        (["cells", "--threads", "two"], "--threads takes whole numbers such as 1,2, not two"),
        (["cells", "--minutes", "0"], "--minutes must be above 0"),
        (["cells", "torch", "--cells", "nothing"], "there is no cell=nothing"),
        (["cells", "torch", "--cells", "mgu"], "torch compares no cell of mgu"),
        (["show", "cell=nothing.py:Own"], "nothing.py cannot be read (No such file or directory)"),
        (["training", "--rounds", "0"], "--rounds must be at least 1"),
        (["training", "cell=gru"], "the bare loop has an nn.LSTM; measure with cell=lstm, or --against"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(command, words, sentence):
    finished = command("scripts/benchmark.py", *words)
    assert finished.returncode == 2
    assert sentence in finished.stderr
    assert "Traceback" not in finished.stderr

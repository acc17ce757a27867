"""A tagger learns, measures the same however it is batched, and resumes to the last bit."""

import json
import signal
from functools import partial

import pytest
import torch
from torch.optim import AdamW

from throughtime.cell.lstm import LSTM
from throughtime.data.tagged.lexicon import Lexicon
from throughtime.data.tagged.sentence_batches import SentenceBatches
from throughtime.data.tagged.sentences import Sentence
from throughtime.engine.auto import Auto
from throughtime.errors import UserError
from throughtime.head.crf import CRF
from throughtime.head.softmax import Softmax
from throughtime.model.inputs.words import WordFeatures
from throughtime.model.layers.bidirectional import Bidirectional
from throughtime.model.sequence import SequenceModel
from throughtime.optim.optimization import Optimization
from throughtime.task.tagging.task import Tagging

SENTENCES = [
    Sentence(("Anna", "saw", "New", "York"), ("B-PER", "O", "B-LOC", "I-LOC"), "file", 1),
    Sentence(("York", "saw", "Anna"), ("B-LOC", "O", "B-PER"), "file", 2),
    Sentence(("saw",), ("O",), "file", 3),
]
LEXICON = Lexicon.fit(SENTENCES)


def tagging(head=Softmax, scheme="BIO", **options):
    torch.manual_seed(0)
    model = SequenceModel(
        front=partial(WordFeatures, size=6),
        layers=Bidirectional,
        cell=partial(LSTM, hidden_size=5),
        engine=Auto(),
        **LEXICON.input_sizes,
    )
    artifacts = {
        "lexicon": LEXICON.state(),
        "scheme": scheme,
        "signs": [],
        "format": {"name": "Conll"},
    }
    head = head(input_size=model.output_size, vocabulary_size=len(LEXICON.tags))
    return Tagging(model, head, Optimization(partial(AdamW, lr=0.1)), artifacts, **options)


def batches(sentences=SENTENCES, size=2):
    return SentenceBatches(sentences, LEXICON, size, shuffle=False)


@pytest.mark.parametrize("head", [Softmax, CRF])
def test_it_learns_its_sentences_by_heart(head):
    task = tagging(head)
    optimizer = AdamW(task.parameters(), lr=0.05)
    for _ in range(60):
        for batch in batches():
            optimizer.zero_grad()
            loss, _ = task.chunk_loss("train", batch)
            loss.backward()
            optimizer.step()
    for batch in batches():
        task.chunk_loss("val", batch)
    assert task.metrics("val", float(loss.detach())) == {
        "accuracy": 1,
        "macro_f1": 1,
        "precision": 1,
        "recall": 1,
        "f1": 1,
    }


@pytest.mark.parametrize("head", [Softmax, CRF])
@pytest.mark.parametrize("size", [1, 3])
def test_loss_and_metrics_do_not_depend_on_the_batch(head, size):
    def measured(size):
        task, total, tokens = tagging(head).eval(), 0.0, 0
        for batch in batches(size=size):
            loss, count = task.chunk_loss("val", batch)
            total, tokens = total + float(loss.detach()) * count, tokens + count
        return {"loss": total / tokens} | dict(task.metrics("val", 0.0))

    assert measured(size) == pytest.approx(measured(2))


@pytest.mark.parametrize("head", [Softmax, CRF])
def test_a_tag_that_training_lacks_is_an_error_and_no_part_of_the_loss(head):
    strange = Sentence(("Anna", "saw"), ("B-MISC", "O"), "file", 9)
    task = tagging(head).eval()
    (alone,) = batches([strange])
    loss, count = task.chunk_loss("val", alone)
    assert (float(loss.detach()), count) == (0.0, 0)
    assert task.metrics("val", 0.0)["accuracy"] <= 0.5
    (known,), (both,) = batches(SENTENCES[:1]), batches([SENTENCES[0], strange])
    torch.testing.assert_close(task.chunk_loss("val", known), task.chunk_loss("val", both))


def test_predictions_of_a_chain_are_whole_entities():
    task = tagging(CRF).eval()
    torch.nn.init.normal_(task.head.transitions, std=5.0)
    number = {tag: place for place, tag in enumerate(LEXICON.tags)}
    for seed in range(10):
        features = torch.randn(9, 4, 10, generator=torch.Generator().manual_seed(seed))
        predicted = task.predictions(features, torch.ones(9, 4, dtype=torch.bool))
        after = predicted[1:][predicted[:-1] == number["O"]]
        assert not (after == number["I-LOC"]).any()


@pytest.mark.parametrize("head", [Softmax, CRF])
def test_probabilities_are_some(head):
    task = tagging(head).eval()
    features, mask = torch.randn(4, 2, 10), torch.ones(4, 2, dtype=torch.bool)
    torch.testing.assert_close(task.probabilities(features, mask).sum(-1), torch.ones(4, 2))


def test_the_monitor_follows_the_tags():
    assert (tagging().monitor, tagging().mode) == ("val/f1", "max")
    assert (tagging(scheme=None).monitor, tagging(monitor="val/loss").mode) == ("val/accuracy", "min")
    with pytest.raises(UserError, match="monitor"):
        tagging(scheme=None, monitor="val/f1")


def test_the_summary_table_is_a_table_beside_the_baseline():
    task = tagging()
    assert task.summary_table() == ""
    for batch in batches():
        task.chunk_loss("test", batch)
    task.metrics("test", 0.0)
    assert "most frequent tag" in task.summary_table()
    assert all(len(line) <= 80 for line in task.summary_table().split("\n"))


SMALL = (
    "task=tagging",
    "cell.hidden_size=6",
    "model.front.size=5",
    "model.front.dropout=0.2",
    "data.batch_size=3",
    "trainer.val_check_interval=8",
    "trainer.log_every_n_steps=4",
    "trainer.max_steps=24",
    "callback.checkpoint.every_n_steps=5",
)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    rows = [
        f"Anna{number % 3} B-PER\nsaw O\nNew B-LOC\nYork{number % 5} I-LOC\n" + "the O\n" * (number % 7)
        for number in range(40)
    ]
    path.write_text("\n".join(rows))
    return path


def test_a_killed_run_ends_where_the_one_never_killed_ends(command, tmp_path, corpus):
    arguments = (*SMALL, "data=conll", "head=crf", f"data.path={corpus}")
    whole = command("train.py", *arguments, f"hydra.run.dir={tmp_path}/whole")
    assert whole.returncode == 0, whole.stderr
    killed = tmp_path / "killed"
    finished = command("train.py", *arguments, f"hydra.run.dir={killed}", signal_at_step=(signal.SIGKILL, 17))
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    finished = command("train.py", f"resume={killed}")
    assert finished.returncode == 0, finished.stderr
    first, second = (
        torch.load(tmp_path / run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for run in ("whole", "killed")
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    results = [json.loads((tmp_path / run / "results.json").read_text()) for run in ("whole", "killed")]
    assert results[0]["monitor"] == "val/f1"
    for name in ("best", "best_step", "steps"):
        assert results[0][name] == results[1][name]


def test_the_default_run_and_its_evaluation(command, tmp_path):
    finished = command(
        "train.py", *SMALL[:4], "data.format.modules=12", "debug=fast", f"hydra.run.dir={tmp_path}/run"
    )
    assert finished.returncode == 0, finished.stderr
    assert "accuracy_names" in finished.stdout
    assert "most frequent tag" in finished.stdout
    assert (tmp_path / "run" / "tags_test.csv").read_text().startswith("tag,precision,recall,f1,tokens\n")
    module = tmp_path / "module.py"
    module.write_text("def area(width):\n    return width ** 2\n")
    measured = command("scripts/evaluate.py", tmp_path / "run", "--path", module)
    assert measured.returncode == 0, measured.stderr
    assert "test/accuracy_names" in measured.stdout


CONLLU = "1\tAnna\t_\tPROPN\t_\t_\t_\t_\t_\t_\n2\tsaw\t_\tVERB\t_\t_\t_\t_\t_\t_\n\n"
IOB2 = "# text = Anna saw\n1\tAnna\tB-PER\t-\t-\n2\tsaw\tO\t-\t-\n\n"


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("a.conllu", CONLLU, ("experiment=ewt_upos",)),
        ("a.iob2", IOB2, ("experiment=talbanken_ner",)),
        ("seq.in", "Anna saw\n", ("task=tagging", "data=parallel", "model=tagger_convolution")),
    ],
)
def test_recipes_and_other_data_run(command, tmp_path, name, text, options):
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.{name}").write_text(text * 20)
        (tmp_path / f"{split}.seq.out").write_text("B-PER O\n" * 20)
    paths = (f"data.{split}_path={tmp_path}/{split}.{name}" for split in ("train", "val", "test"))
    finished = command("train.py", *options, *paths, "debug=fast", f"hydra.run.dir={tmp_path}/run")
    assert finished.returncode == 0, finished.stderr
    assert "test accuracy" in finished.stdout


def test_data_of_another_task_are_refused(command):
    finished = command("train.py", "task=tagging", "data=characters")
    assert finished.returncode == 2
    assert "conll, conllu, frames, parallel, python_roles" in finished.stderr

"""Tables, JSON lines, lines with labels and folders of classes give the same texts, and errors name their place."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from throughtime.data.labelled.data import LabelledData
from throughtime.data.labelled.sources import source_from_state, source_state
from throughtime.data.text.labelled_text import LabelledText
from throughtime.errors import UserError
from throughtime.tokenizer.bpe import BPE
from throughtime.tokenizer.bytes import Bytes
from throughtime.tokenizer.characters import Characters
from throughtime.tokenizer.words import Words

TEXTS = [
    ("bad", "a poor film, too long"),
    ("bad", "not again"),
    ("good", "a fine film"),
    ("good", 'they say "fine"'),
]


def save(file, content, encoding="utf-8"):
    file.parent.mkdir(parents=True, exist_ok=True)
    packed = content.encode(encoding)
    file.write_bytes(gzip.compress(packed) if file.name.endswith(".gz") else packed)
    return file


def write(kind, folder):
    """The path, and the settings of the source, of the same texts in a format."""
    settings = {}
    if kind == "folder":
        for number, (label, text) in enumerate(TEXTS):
            save(folder / "texts" / label / "deep" / f"{number}.txt", text)
        return folder / "texts", settings
    if kind == "csv":
        quoted = [(label, text.replace('"', '""')) for label, text in TEXTS]
        content = "label,text\n" + "".join(f'{label},"{text}"\n' for label, text in quoted)
        return save(folder / "a.csv", content), settings
    if kind == "numbers":
        content = "".join(f"{number}\t{label}\t{text}\n" for number, (label, text) in enumerate(TEXTS))
        return save(folder / "a.txt", content), {"label_column": 2, "text_column": 3}
    if kind == "jsonl.gz":
        content = "\n\n".join(json.dumps({"text": text, "label": label, "n": 1}) for label, text in TEXTS)
        return save(folder / "a.jsonl.gz", content), settings
    prefix = "__label__" if kind == "fasttext" else ""
    return save(folder / "a.txt", "".join(f"{prefix}{label} {text}\n" for label, text in TEXTS)), settings


KINDS = ["folder", "csv", "numbers", "jsonl.gz", "lines", "fasttext"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_gives_the_same_texts(kind, tmp_path):
    path, settings = write(kind, tmp_path)
    source = LabelledText(**settings)
    source.connect(Characters())
    found = source.read(str(path))
    found.check()
    encoded = source.encoded(found, range(4))
    texts = [source.tokenizer.decode(ids) for ids in encoded.sequences]
    assert list(zip(found.labels, texts, strict=True)) == TEXTS


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_read_for_prediction_as_those_of_training(kind, tmp_path):
    path, settings = write(kind, tmp_path)
    source = LabelledText(**settings)
    trained = source.encoded(source.read(str(path)), [0, 2])
    assert any((ids == len(trained.symbols) - 1).any() for ids in trained.sequences)
    again = source_from_state(source_state(source)).read_for_prediction([Path(path)])
    assert again.symbols == trained.symbols
    assert again.labels == (trained.labels if kind != "folder" else [None] * 4)
    for one, other in zip(again.sequences, trained.sequences, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["lines", "fasttext"])
def test_lines_without_labels_are_texts_in_prediction(kind, tmp_path):
    path, settings = write(kind, tmp_path)
    source = LabelledText(**settings)
    source.connect(Characters())
    source.encoded(source.read(str(path)), range(4))
    found = source.read_for_prediction([save(tmp_path / "new.txt", "fine film\na film\n")])
    assert [source.tokenizer.decode(ids) for ids in found.sequences] == ["fine film", "a film"]
    assert found.labels == [None, None] and found.names[1].endswith("new.txt:2")


@pytest.mark.parametrize("tokenizer", [Characters, Bytes, Words, lambda: BPE(260)])
def test_the_tokenizer_is_fitted_on_the_training_part_and_kept(tokenizer, tmp_path):
    rows = "".join(f"{'ab'[number % 2]} word{number} and\n" for number in range(40))
    file = save(tmp_path / "a.txt", rows)
    data = LabelledData(LabelledText(), path=str(file))
    data.connect(tokenizer())
    data.setup()
    fitted = tokenizer()
    fitted.fit([file.read_text().split("\n")[int(n)][2:] for n in data._parts["train"]])
    assert data.artifacts()["symbols"] == fitted.symbols
    again = LabelledData(LabelledText(), test_path=str(file))
    again.restore(data.artifacts())
    again.setup()
    assert again.artifacts()["input_sizes"] == {"vocabulary_size": fitted.vocabulary_size}
    np.testing.assert_array_equal(again.part("test").sequences[0], fitted.encode("word0 and"))


def test_words_are_the_tokenizer_where_none_is_given(tmp_path):
    path, settings = write("lines", tmp_path)
    source = LabelledText(**settings)
    found = source.encoded(source.read(str(path)), range(4))
    assert isinstance(source.tokenizer, Words) and found.symbols[-1] == "<unk>"
    assert "texts" in found.description and "tokens" in found.description


def test_long_texts_are_cut_or_read_in_chunks(tmp_path):
    rows = "".join(f"{'ab'[number % 2]} {'x ' * (number + 3)}\n" for number in range(30))
    file = save(tmp_path / "a.txt", rows)
    cut = LabelledData(LabelledText(most_tokens=5), path=str(file))
    cut.setup()
    assert {len(ids) for part in ("train", "val", "test") for ids in cut.part(part).sequences} == {3, 4, 5}
    chunked = LabelledData(LabelledText(), path=str(file), chunk_length=8)
    chunked.setup()
    batches = list(chunked.loader("train"))
    assert max(batch.chunk.inputs.shape[0] for batch in batches) == 8
    assert sum(int(batch.mask.sum()) for batch in batches) == chunked.sizes["train"]


def test_lower_case(tmp_path):
    source = LabelledText(lowercase=True)
    source.connect(Characters())
    encoded = source.encoded(source.read(str(save(tmp_path / "a.txt", "A Nice Ñ\nb x\n"))), [0, 1])
    assert source.tokenizer.decode(encoded.sequences[0]) == "nice ñ"


@pytest.mark.parametrize(
    ("name", "content", "settings"),
    [
        ("a.txt", "__label__a __label__b one two\n__label__b three\n", {}),
        ("a.csv", 'text,labels\none two,"a, b, a"\nthree,b\n', {"label_separator": ","}),
        ("a.jsonl", '{"text": "one two", "label": ["a", "b"]}\n{"text": "three", "label": "b"}\n', {}),
    ],
)
def test_several_labels_at_once(name, content, settings, tmp_path):
    found = LabelledText(**settings).read(str(save(tmp_path / name, content)))
    assert found.multilabel and found.labels == [("a", "b"), ("b",)]


def test_numbers_become_classes_by_a_threshold(tmp_path):
    file = save(tmp_path / "a.tsv", "text\tlabel\nfine\t2.3\nso\t0\npoor\t-1e-3\n")
    found = LabelledText(threshold=0).read(str(file))
    assert found.labels == ["positive", "negative", "negative"]
    named = LabelledText(threshold=-1, threshold_names=["low", "high"])
    assert named.read(str(file)).labels == ["high"] * 3
    for bad in ("n/a", "nan"):
        save(file, f"text\tlabel\nfine\t2.3\nso\t{bad}\n")
        with pytest.raises(UserError, match=rf"a\.tsv, line 3: the label {bad} is no number"):
            LabelledText(threshold=0).read(str(file))


def test_a_column_of_numbers_without_a_threshold_is_refused(tmp_path):
    rows = "".join(f"text {number}\t{number / 7:.3f}\n" for number in range(60))
    data = LabelledData(LabelledText(), path=str(save(tmp_path / "a.tsv", "text\tlabel\n" + rows)))
    with pytest.raises(UserError, match="the labels are numbers"):
        data.setup()


def test_groups_are_a_column(tmp_path):
    file = save(tmp_path / "a.csv", "text,label,writer\nx,a,w1\ny,b,w2\n")
    assert LabelledText(group_column="writer").read(str(file)).groups == ["w1", "w2"]
    assert LabelledText().read(str(file)).groups is None


def test_encodings_are_those_of_text(tmp_path):
    file = save(tmp_path / "a.txt", "a café\nb thé\n", "utf-16")
    assert LabelledText(encoding="utf-16").read(str(file)).labels == ["a", "b"]
    with pytest.raises(UserError, match=r"a\.txt is text in UTF-16, .*data\.source\.encoding=utf-16"):
        LabelledText().read(str(file))


@pytest.mark.parametrize(
    ("files", "settings", "message"),
    [
        ({}, {}, "matches no file"),
        ({"a/1.txt": "x", "b/.hidden": "x"}, {}, r"b is empty; a class needs texts"),
        ({"a/1.txt": "x", "b/2.txt": ""}, {}, r"2\.txt is empty"),
        ({"a.txt": "good film\nbad\n"}, {}, r"a\.txt, line 2: there is no text after the label"),
        ({"a.txt": "__label__a x\nb y\n"}, {}, r"a\.txt, line 2: the line does not begin with __label__"),
        ({"a.csv": "text,label\n,a\n"}, {}, r"a\.csv, line 2: the text is empty"),
        ({"a.csv": "text,label\nx,\n"}, {}, r"a\.csv, line 2: the label is empty"),
        ({"a.csv": "text,label\nx,a\n"}, {"label_column": "mood"}, "label_column=mood: .* no such column"),
        ({"a.csv": "body,label\nx,a\n"}, {}, "data.source.text_column: no column of"),
        ({"a.jsonl": '{"text": "x", "label": "a"}\n{"text"\n'}, {}, r"a\.jsonl, line 2: this is no JSON"),
        ({"a.jsonl": "[1]\n"}, {}, r"a\.jsonl, line 1: this is no object"),
        ({"a.jsonl": '{"body": "x"}\n'}, {}, r"line 1: the object has no text or .* its keys are body"),
        (
            {"a.jsonl": '{"text": "x", "label": NaN}\n'},
            {},
            r"a\.jsonl, line 1: the label is nan; give a class",
        ),
        ({"a.jsonl": '{"text": 5, "label": 1}\n'}, {}, r"line 1: the text is 5; it must be a string"),
        ({"a.jsonl": '{"text": "x", "label": {}}\n'}, {}, r"line 1: the label is an object"),
        ({"a.txt": "x"}, {"format": "document"}, r"a\.txt is a text without a label"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(files, settings, message, tmp_path):
    place = tmp_path / "texts"
    place.mkdir()
    for name, content in files.items():
        save(place / name, content)
    with pytest.raises(UserError, match=message):
        LabelledText(**settings).read(str(place))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "pdf"}, "data.source.format=pdf is not known"),
        ({"most_tokens": 0}, "data.source.most_tokens must be above 0"),
        ({"threshold_names": ["a", "a"]}, "must be two names"),
        ({"label_separator": ""}, "data.source.label_separator= is empty"),
        ({"encoding": "base64"}, "data.source.encoding=base64 is no text encoding"),
    ],
)
def test_settings_that_are_not_known_are_named(settings, message):
    with pytest.raises(UserError, match=message):
        LabelledText(**settings)


@pytest.mark.parametrize(
    ("name", "count"), [("amazonReviewSnippets", 3707), ("movieReviewSnippets", 10604), ("tweets", 4199)]
)
def test_snippets_with_mean_valences(name, count):
    file = Path(os.environ.get("THROUGHTIME_DATA", "no folder"), "classify", f"{name}_GroundTruth.txt")
    if not file.exists():
        pytest.skip(f"classify/{file.name} is not in $THROUGHTIME_DATA")
    source = LabelledText(label_column=2, text_column=3, threshold=0)
    found = source.read(str(file))
    found.check()
    assert abs(len(found) - count) <= 1 and set(found.labels) == {"negative", "positive"}

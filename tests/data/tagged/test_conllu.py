"""CoNLL-U, with the `conllu` library as the other opinion."""

import conllu
import pytest

from throughtime.data.tagged.conllu import ConllU, nearest, with_misc
from throughtime.data.tagged.sentences import SentenceTags, document_at
from throughtime.errors import UserError

TEXT = """# sent_id = 1
# text = vámonos al mar ya
1-2	vámonos	_	_	_	_	_	_	_	_
1	vamos	ir	VERB	VM	Mood=Imp|Number=Plur	0	root	_	_
2	nos	nosotros	PRON	PP	Case=Acc|Number=Plur	1	obj	_	_
3-4	al	_	_	_	_	_	_	_	_
3	a	a	ADP	SP	_	5	case	_	_
4	el	el	DET	DA	Gender=Masc|Number=Sing	5	det	_	_
5	mar	mar	NOUN	NC	Gender=Masc|Number=Sing	1	obl	_	SpaceAfter=No
5.1	fue	ir	VERB	_	_	_	_	1:conj	_
6	ya	ya	ADV	RG	_	1	advmod	_	_

# newpar
# sent_id = 2
1	sí	sí	INTJ	I	_	0	root	_	_

"""


def read(path, text, field="UPOS", tagged=True):
    path.write_text(text)
    return ConllU(field).read(document_at(path), tagged)


def own(sentences):
    return [SentenceTags(sentence.tags) for sentence in sentences]


@pytest.mark.parametrize("field", ["UPOS", "XPOS", "DEPREL", "LEMMA", "Number", "Case"])
def test_words_and_tags_are_those_of_the_library(tmp_path, field):
    sentences = read(tmp_path / "file", TEXT, field)
    for sentence, expected in zip(sentences, conllu.parse(TEXT), strict=True):
        words = [token for token in expected if isinstance(token["id"], int)]
        assert list(sentence.tokens) == [token["form"] for token in words]
        cells = [token.get(field.lower(), (token["feats"] or {}).get(field, "_")) for token in words]
        assert list(sentence.tags) == cells
    assert ConllU(field).write(sentences, own(sentences)) == TEXT


def test_ranges_empty_nodes_comments_and_other_columns_are_kept(tmp_path):
    sentences = read(tmp_path / "file", TEXT)
    text = ConllU().write(sentences, [SentenceTags(("X",) * len(sentence.tokens)) for sentence in sentences])
    for line, before in zip(text.split("\n"), TEXT.split("\n"), strict=True):
        cells, cells_before = line.split("\t"), before.split("\t")
        if cells[0].isdigit():
            assert cells[3] == "X"
            assert cells[:3] + cells[4:] == cells_before[:3] + cells_before[4:]
        else:
            assert line == before


def test_a_feature_is_set_in_the_order_of_the_format(tmp_path):
    sentences = read(tmp_path / "file", TEXT, "Gender")
    predictions = [SentenceTags(("Fem", "_", "_", "_", "Fem", "Fem")), SentenceTags(("_",))]
    feats = [
        line.split("\t")[5]
        for line in ConllU("Gender").write(sentences, predictions).split("\n")
        if "\t" in line
    ]
    assert feats[1] == "Gender=Fem|Mood=Imp|Number=Plur"
    assert feats[5] == "Number=Sing"
    assert feats[-2] == "Gender=Fem"


def test_probabilities_go_to_misc(tmp_path):
    sentences = read(tmp_path / "file", TEXT)
    predictions = [SentenceTags(sentence.tags, (0.5,) * len(sentence.tags)) for sentence in sentences]
    misc = [
        line.split("\t")[9] for line in ConllU().write(sentences, predictions).split("\n") if "\t" in line
    ]
    assert misc[6] == "SpaceAfter=No|Probability=0.5000"
    assert misc[7] == "_"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("6	ya	ya	ADV", "6	ya	ADV"), 11),
        (("6	ya", "six	ya"), 11),
        (("1	sí	sí	INTJ	I	_	0	root	_	_\n\n", "1	sí	sí	IN"), 15),
        (("4	el	el	DET", "4	el	el	_"), 8),
    ],
)
def test_a_malformed_line_is_named(tmp_path, change, line):
    with pytest.raises(UserError, match=f"file, line {line} "):
        read(tmp_path / "file", TEXT.replace(*change))


def test_a_file_without_tags_is_read_for_prediction(tmp_path):
    sentences = read(tmp_path / "file", "1	sí	_	_	_	_	_	_	_	_\n", tagged=False)
    assert (sentences[0].tokens, sentences[0].tags) == (("sí",), ())


def test_a_column_without_tags_is_refused():
    for field in ("FORM", "FEATS", "ID", ""):
        with pytest.raises(UserError, match="holds no tags"):
            ConllU(field)


@pytest.mark.parametrize(
    ("field", "advice"),
    [
        ("Numbr", "Number?"),
        ("number", "Number?"),
        ("gender", "Gender?"),
        ("Definite", "choose one of: Case, DEPREL"),
        ("MISC.Spaceafter", "MISC.SpaceAfter?"),
    ],
)
def test_a_field_that_is_nowhere_is_an_error_with_the_nearest(tmp_path, field, advice):
    sentences = read(tmp_path / "file", TEXT, field)
    with pytest.raises(UserError, match=f"data.format.field={field} is on no word of .*file") as error:
        ConllU(field).check(sentences)
    assert advice in str(error.value)
    ConllU("Number").check(read(tmp_path / "file", TEXT, "Number"))


def test_a_field_that_all_words_lack_is_an_error(tmp_path):
    empty = "1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n"
    with pytest.raises(UserError, match="XPOS is on no word"):
        ConllU("XPOS").check(read(tmp_path / "file", empty, "XPOS"))
    assert nearest("XPOS", ()) == "they hold no tags at all"


def test_a_column_in_another_case_is_named():
    for field in ("upos", "Upos", "deprel"):
        with pytest.raises(UserError, match=f"did you mean {field.upper()}"):
            ConllU(field)
    with pytest.raises(UserError, match="holds no tags"):
        ConllU("misc")


def test_a_word_may_lack_its_lemma(tmp_path):
    text = TEXT.replace("5	mar	mar", "5	_	_").replace("6	ya	ya", "6	ya	_")
    sentences = read(tmp_path / "file", text, "LEMMA")
    assert sentences[0].tags == ("ir", "nosotros", "a", "el", "_", "_")
    assert ConllU("LEMMA").write(sentences, own(sentences)) == text


@pytest.mark.parametrize(
    ("cell", "key", "value", "expected"),
    [
        ("_", "P", "1", "P=1"),
        ("Z=1|a|A=2", "P", "1", "Z=1|a|A=2|P=1"),
        ("Z=1|P=0|A=2|P=3", "P", "1", "Z=1|P=1|A=2"),
        ("Z=1|P=0", "P", "_", "Z=1"),
        ("P=0", "P", "_", "_"),
        ("x=|x|x=", "P", "1", "x=|x|x=|P=1"),
    ],
)
def test_misc_keeps_its_order(cell, key, value, expected):
    assert with_misc(cell, key, value) == expected


def test_a_key_in_misc_can_be_the_tag(tmp_path):
    text = TEXT.replace("SpaceAfter=No", "SpaceAfter=No|Entity=B-LOC")
    sentences = read(tmp_path / "file", text, "MISC.Entity")
    assert sentences[0].tags == ("_", "_", "_", "_", "B-LOC", "_")
    assert ConllU("MISC.Entity").write(sentences, own(sentences)) == text


def test_lemmas_of_public_files_are_read(public_data):
    path = public_data / "conllu" / "en_ewt-ud-test.conllu"
    if not path.is_file():
        pytest.skip(f"no {path}")
    sentences = ConllU("LEMMA").read(document_at(path))
    assert ConllU("LEMMA").write(sentences, own(sentences)) == path.read_text()


def test_public_files_survive_a_round(public_data):
    path = public_data / "conllu" / "en_ewt-ud-test.conllu"
    if not path.is_file():
        pytest.skip(f"no {path}")
    sentences = ConllU().read(document_at(path))
    assert ConllU().write(sentences, own(sentences)) == path.read_text()
    assert sum(len(sentence.tokens) for sentence in sentences) == 25_094

from throughtime.tokenizer.stream import Origin
from throughtime.tokenizer.vocabulary import Vocabulary, unknown_symbol


def test_special_ids_stand_behind_the_ordinary_ones():
    vocabulary = Vocabulary([b"a", b"b"], ["a", "b"], unknown=True, boundaries=True)
    assert vocabulary.symbols == ["a", "b", "<unk>", "<start>", "<end>"]
    assert (vocabulary.unknown, vocabulary.start, vocabulary.end, len(vocabulary)) == (2, 3, 4, 5)
    assert vocabulary.decode([3, 0, 2, 1, 4]) == "a\ufffdb"


def test_a_character_of_several_ids_appears_with_its_last_one():
    vocabulary = Vocabulary([bytes([value]) for value in "é€".encode()], list("abcde"), False, False)
    assert list(vocabulary.decode_stream(range(5))) == ["", "é", "", "", "€", ""]


def test_half_a_character_is_shown_as_the_replacement_character():
    vocabulary = Vocabulary([b"\xc3", b"a"], ["?", "a"], False, False)
    assert vocabulary.decode([0, 1]) == "\ufffda"
    assert list(vocabulary.decode_stream([1, 0])) == ["a", "", "\ufffd"]


def test_the_error_names_symbol_and_place():
    message = str(unknown_symbol("é", Origin("the prompt"), 3))
    assert "'é' (U+00E9) at character 4 of the prompt" in message


def test_every_id_has_an_identity_of_its_own_in_any_vocabulary() -> None:
    """A character that looks like a special symbol, or that stands for broken text, is not mistaken for it."""
    pieces = [b"a", "\ufffd".encode(), b"<unk>"]
    identities = Vocabulary(pieces, ["a", "\ufffd", "<unk>"], unknown=True, boundaries=True).identities
    assert identities == [*pieces, "<unk>", "<start>", "<end>"] and len(set(identities)) == 6

import pytest

from throughtime.errors import UserError
from throughtime.tokenizer.characters import Characters
from throughtime.tokenizer.stream import Origin


def fitted(**arguments) -> Characters:
    tokenizer = Characters(**arguments)
    tokenizer.fit(["hello ", "world🙂"])
    return tokenizer


def test_ids_follow_the_order_of_code_points():
    assert "".join(fitted().symbols[:-1]) == " dehlorw🙂"
    assert fitted().encode("dew").tolist() == [1, 2, 7]


@pytest.mark.parametrize("unseen", ["\x00", "é", "\U0010ffff"])
def test_an_unseen_character_is_unk_on_either_side_of_the_known_ones(unseen):
    tokenizer = fitted()
    assert tokenizer.decode(tokenizer.encode(f"h{unseen}w")) == "h\ufffdw"
    assert tokenizer.symbols[tokenizer.encode(unseen)[0]] == "<unk>"


def test_an_unseen_character_is_an_error_that_names_it_and_its_place():
    with pytest.raises(UserError, match=r"'x' \(U\+0078\) at character 103 of a\.txt"):
        fitted(unknown="error").encode("woxd", Origin("a.txt", 100))


def test_an_error_policy_spends_no_id():
    assert fitted(unknown="error").vocabulary_size == fitted().vocabulary_size - 1


def test_an_unknown_policy_is_refused():
    with pytest.raises(UserError, match=r"tokenizer\.unknown=ignore"):
        Characters(unknown="ignore")


def test_tiny_shakespeare_has_65_characters_and_survives_a_round_trip(public_data):
    text = (public_data / "text" / "tinyshakespeare.txt").read_text()
    tokenizer = Characters(unknown="error")
    tokenizer.fit([text])
    assert tokenizer.vocabulary_size == 65
    assert tokenizer.decode(tokenizer.encode(text)) == text

from hypothesis import given
from hypothesis import strategies as st

from throughtime.tokenizer.bytes import Bytes


@given(st.text())
def test_every_text_has_ids_which_are_its_utf8(text):
    tokenizer = Bytes()
    tokenizer.fit([])
    assert bytes(tokenizer.encode(text).tolist()) == text.encode()
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.vocabulary_size == 256

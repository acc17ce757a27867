import io

import pytest
import torch

from throughtime.errors import UserError
from throughtime.tokenizer.restore import TOKENIZERS, tokenizer_from_state


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_state_passes_through_a_checkpoint_that_runs_no_code(name):
    tokenizer = TOKENIZERS[name]()
    tokenizer.fit(["some text"], boundaries=True)
    file = io.BytesIO()
    torch.save(tokenizer.state(), file)
    file.seek(0)
    restored = tokenizer_from_state(torch.load(file, weights_only=True))
    assert type(restored) is TOKENIZERS[name]
    assert restored.state() == tokenizer.state()


def test_a_state_cannot_name_a_class_of_its_own():
    with pytest.raises(UserError, match="none of characters, bytes, words, bpe"):
        tokenizer_from_state({"name": "os.system"})

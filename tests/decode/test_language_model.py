"""The contract of language models: an end that a model does not know adds nothing."""

from throughtime.decode.language_model import LanguageModel


class Uniform(LanguageModel):
    def initial_state(self):
        return 0

    def extend(self, state, symbol):
        return -1.0, state + 1


def test_the_end_adds_nothing_by_default():
    assert Uniform().finish(3) == 0.0

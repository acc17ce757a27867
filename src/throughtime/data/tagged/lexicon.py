"""Lexicon of the training text: ids of words, characters and tags, and each word's majority tag."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from throughtime.data.tagged.sentences import Sentence
from throughtime.data.word_inputs import UNKNOWN

UNSEEN_WORD = 0
LONGEST_WORD = 24
"""The characters of a word that are read: of a longer one its beginning and its end."""


class Lexicon:
    """The ids of words, characters and tags.

    Words are numbered from 1 and by falling frequency; 0 stands for all others. A tag that training does not
    have gets the number of tags, K, which no head can predict: it counts as an error.

    Args:
        words: those with an id of their own.
        rare: those of the training text without one.
        characters: those of the training text.
        tags: those of the training text.
        majority_tags: the most frequent tag of each word that training has, of `words` (the first ones) and of `rare`.
        majority_tag_unseen: the most frequent tag of all.
        lowercase: whether words that differ in case alone have one id; their characters still differ.
    """

    def __init__(
        self,
        words: Sequence[str],
        rare: Sequence[str],
        characters: Sequence[str],
        tags: Sequence[str],
        majority_tags: Sequence[int],
        majority_tag_unseen: int,
        lowercase: bool = False,
    ) -> None:
        self.words = list(words)
        self.rare = list(rare)
        self.characters = list(characters)
        self.tags = list(tags)
        self.majority_tags = list(majority_tags)
        self.majority_tag_unseen = majority_tag_unseen
        self.lowercase = lowercase
        trained = len(majority_tags) - len(rare)
        self._word_ids = {word: number for number, word in enumerate(self.words, 1)}
        self._character_ids = {letter: number for number, letter in enumerate(self.characters, UNKNOWN + 1)}
        self._tag_ids = {tag: number for number, tag in enumerate(self.tags)}
        self._majority_tags = dict(zip([*self.words[:trained], *self.rare], self.majority_tags, strict=True))

    @classmethod
    def fit(
        cls,
        sentences: Iterable[Sentence],
        lowercase: bool = False,
        min_count: int = 1,
        further_words: Iterable[str] = (),
    ) -> "Lexicon":
        """The lexicon of training sentences.

        Args:
            sentences: with their tags.
            lowercase: as above.
            min_count: how often training must have a word for it to have an id.
            further_words: words that get an id whether training has them or not.
        """
        tags_of: dict[str, Counter[str]] = defaultdict(Counter)
        letters: set[str] = set()
        for sentence in sentences:
            for token, tag in zip(sentence.tokens, sentence.tags, strict=True):
                tags_of[token.lower() if lowercase else token][tag] += 1
                letters.update(token)
        counts = {word: tags.total() for word, tags in tags_of.items()}
        everything = sum(tags_of.values(), Counter())
        tags = sorted(everything)
        further = list(dict.fromkeys(further_words))
        kept_anyway = set(further)
        by_count = sorted(counts, key=lambda word: (-counts[word], word))
        words = [word for word in by_count if counts[word] >= min_count or word in kept_anyway]
        rare = [word for word in by_count if counts[word] < min_count and word not in kept_anyway]
        return cls(
            words=words + [word for word in further if word not in counts],
            rare=rare,
            characters=sorted(letters),
            tags=tags,
            majority_tags=[tags.index(_most_frequent(tags_of[word])) for word in words + rare],
            majority_tag_unseen=tags.index(_most_frequent(everything)) if tags else 0,
            lowercase=lowercase,
        )

    def word(self, token: str) -> int:
        """The id of a word."""
        return self._word_ids.get(self._normal(token), UNSEEN_WORD)

    def tag(self, tag: str) -> int:
        """The id of a tag; K for one that training does not have."""
        return self._tag_ids.get(tag, len(self.tags))

    def is_seen(self, token: str) -> bool:
        """Whether training has this word."""
        return self._normal(token) in self._majority_tags

    def majority_tag(self, token: str) -> int:
        """The most frequent tag of a word in training."""
        return self._majority_tags.get(self._normal(token), self.majority_tag_unseen)

    def spell(self, token: str) -> list[int]:
        """The ids of a word's characters, without the middle of a very long one."""
        if len(token) > LONGEST_WORD:
            token = token[: LONGEST_WORD // 2] + token[-LONGEST_WORD // 2 :]
        return [self._character_ids.get(letter, UNKNOWN) for letter in token] or [UNKNOWN]

    def state(self) -> dict[str, Any]:
        """The arguments that make this lexicon again, in plain containers."""
        return {
            "words": self.words,
            "rare": self.rare,
            "characters": self.characters,
            "tags": self.tags,
            "majority_tags": self.majority_tags,
            "majority_tag_unseen": self.majority_tag_unseen,
            "lowercase": self.lowercase,
        }

    @property
    def input_sizes(self) -> dict[str, int]:
        """The number of ids of words and of characters."""
        return {"word_count": len(self.words) + 1, "character_count": len(self.characters) + UNKNOWN + 1}

    def _normal(self, token: str) -> str:
        return token.lower() if self.lowercase else token


def _most_frequent(tags: Counter[str]) -> str:
    """The most frequent tag; of equally frequent ones the first by name."""
    return min(tags, key=lambda tag: (-tags[tag], tag))

"""Phrases of a text that name a class."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rateval.tasks.captioning.plurals import pluralise

_MARK = "\uffff"
"""Stands for a mark that belongs to the letter before it; no text has this character."""
_WORD = re.compile(rf"[^\W_](?:[^\W_]|{_MARK})*")
"""Letters and digits: ``dog's`` begins with a dog, and ``t-shirt`` is two words."""
_BETWEEN = re.compile(r"[\s'\u2019\u2010\u2011-]*")
"""What may stand between two words of one phrase; no comma and no period."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that name a class."""

    label: int
    """The class."""
    start: int
    stop: int
    """Where they are, in characters."""


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a text, and what it is compared by."""

    key: str
    start: int
    stop: int


class Phrases:
    """Finds the phrases of a text by what each class is called there, in the singular or plural.

    What two classes are called is the class's whose name it is, else the first one's; a plural that
    rules make counts where no class is called so.

    >>> found = Phrases([("dog", "puppy"), ("hot dog",), ("person", "man")])
    >>> text = "Two men eat hot dogs; a puppy looks on."
    >>> [(text[one.start : one.stop], one.label) for one in found.find(text)]
    [('men', 2), ('hot dogs', 1), ('puppy', 0)]
    """

    def __init__(self, wordings: Sequence[Sequence[str]]) -> None:
        self._labels: dict[tuple[str, ...], int] = {}
        """Words in lower case to the class."""
        for label, form in _rank(wordings):
            self._labels.setdefault(_split(form), label)
        self._labels.pop((), None)
        self._longest = max(map(len, self._labels), default=0)

    def find(self, text: str) -> list[Phrase]:
        """Return the phrases of a text in their order; none overlaps another.

        From the left on, the longest that begins at a word is taken, and what comes after it next.
        """
        return list(self._find(text))

    def _find(self, text: str) -> Iterator[Phrase]:
        words = _list_words(text)
        at = 0
        while at < len(words):
            count = self._match(text, words, at)
            if count:
                key = tuple(word.key for word in words[at : at + count])
                yield Phrase(self._labels[key], words[at].start, words[at + count - 1].stop)
            at += count or 1

    def _match(self, text: str, words: Sequence[_Word], at: int) -> int:
        """Return of how many words the longest phrase is that begins at one; 0 for none."""
        best, key = 0, tuple[str, ...]()
        for place in range(at, min(at + self._longest, len(words))):
            if place > at:
                between = text[words[place - 1].stop : words[place].start]
                if _BETWEEN.fullmatch(between) is None:
                    break
            key = (*key, words[place].key)
            if key in self._labels:
                best = place - at + 1
        return best


def list_forms(wording: str) -> tuple[str, ...]:
    """Return what a wording can look like in a text, in lower case: itself, and its plurals.

    >>> list_forms("Wine glass")
    ('wine glass', 'wine glasses')
    """
    plain = " ".join(wording.lower().split())
    return (plain, *pluralise(plain))


def _rank(wordings: Sequence[Sequence[str]]) -> Iterator[tuple[int, str]]:
    """Yield a class and a form that it is called by, in the order in which they win."""
    yield from ((label, named[0]) for label, named in enumerate(wordings) if named)
    every = [(label, wording) for label, named in enumerate(wordings) for wording in named]
    yield from every
    yield from ((label, form) for label, wording in every for form in list_forms(wording))


def _split(form: str) -> tuple[str, ...]:
    return tuple(word.key for word in _list_words(form))


def _list_words(text: str) -> list[_Word]:
    r"""Return the words of a text; how an accent is stored tells none from another.

    >>> [word.key for word in _list_words("Caf\u00e9, cafe\u0301")]
    ['caf\xe9', 'caf\xe9']
    """
    marked = text if text.isascii() else "".join(map(_mask, text))
    return [
        _Word(unicodedata.normalize("NFC", text[one.start() : one.end()].lower()), *one.span())
        for one in _WORD.finditer(marked)
    ]


def _mask(character: str) -> str:
    return _MARK if unicodedata.category(character).startswith("M") else character

"""Phrases of a text that name a class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rateval.tasks.captioning.plurals import pluralise

_WORD = re.compile(r"[^\W_]+")
"""Letters and digits: ``dog's`` begins with a dog, and ``t-shirt`` is two words."""
_BETWEEN = re.compile(r"[\s'\u2019-]*")
"""What may stand between two words of one phrase; no comma and no period."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that name a class."""

    label: int
    """The class."""
    start: int
    stop: int
    """Where they are, in characters."""


class Phrases:
    """Finds the phrases of a text by what each class is called there, in the singular or plural.

    What two classes are called is the first one's.

    >>> found = Phrases([("dog", "puppy"), ("hot dog",), ("person", "man")])
    >>> text = "Two men eat hot dogs; a puppy looks on."
    >>> [(text[one.start : one.stop], one.label) for one in found.find(text)]
    [('men', 2), ('hot dogs', 1), ('puppy', 0)]
    """

    def __init__(self, wordings: Sequence[Sequence[str]]) -> None:
        self._labels: dict[tuple[str, ...], int] = {}
        """Words in lower case to the class."""
        for label, named in enumerate(wordings):
            for form in (form for wording in named for form in list_forms(wording)):
                self._labels.setdefault(_split(form), label)
        self._labels.pop((), None)
        self._longest = max(map(len, self._labels), default=0)

    def find(self, text: str) -> list[Phrase]:
        """Return the phrases of a text in their order; none overlaps another.

        From the left on, the longest that begins at a word is taken, and what comes after it next.
        """
        return list(self._find(text))

    def _find(self, text: str) -> Iterator[Phrase]:
        words = list(_WORD.finditer(text))
        at = 0
        while at < len(words):
            count = self._match(text, words, at)
            if count:
                key = tuple(word.group().lower() for word in words[at : at + count])
                last = words[at + count - 1]
                yield Phrase(self._labels[key], words[at].start(), last.end())
            at += count or 1

    def _match(self, text: str, words: Sequence[re.Match[str]], at: int) -> int:
        """Return of how many words the longest phrase is that begins at one; 0 for none."""
        best, key = 0, tuple[str, ...]()
        for place in range(at, min(at + self._longest, len(words))):
            if place > at:
                between = text[words[place - 1].end() : words[place].start()]
                if _BETWEEN.fullmatch(between) is None:
                    break
            key = (*key, words[place].group().lower())
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


def _split(form: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(form))

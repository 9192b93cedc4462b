"""Phrases that captions of Flickr30k Entities mark, and the noun that each is about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PHRASE = re.compile(r"\[/EN#([0-9]+)((?:/[A-Za-z]+)*) ([^\[\]]+)\]")
"""Chain, types and words of a phrase."""
_MARK = "[/EN#"
_NOTHING = "0"
"""Number of the chain of phrases that are about nothing to be seen."""

_ENDS = frozenset(
    (
        *("of", "in", "on", "with", "at", "to", "for", "from", "by", "that"),
        *("who", "which", "while", "near", "over", "under", "behind", "beside", "between"),
        *("above", "below", "around", "against", "along", "across", "into", "onto"),
        *("inside", "outside", "through", "wearing", "holding", "is", "are", "being"),
        *("as", "like"),
    )
)
"""Words behind which a phrase says more of its noun."""
_PARTS = frozenset(
    (
        *("group", "pair", "couple", "bunch", "number", "lot", "row", "piece", "set"),
        *("variety", "assortment"),
    )
)
"""Nouns before "of" that leave the noun to what follows."""
_WORD = re.compile(r"[a-z][a-z'-]*")

_SINGULARS = {
    "men": "man",
    "women": "woman",
    "children": "child",
    "people": "person",
    "feet": "foot",
    "teeth": "tooth",
    "mice": "mouse",
    "geese": "goose",
    "oxen": "ox",
    "leaves": "leaf",
    "knives": "knife",
    "wolves": "wolf",
    "calves": "calf",
    "loaves": "loaf",
    "shelves": "shelf",
    "scarves": "scarf",
    "buses": "bus",
    "toes": "toe",
    "movies": "movie",
    "cookies": "cookie",
    "hoodies": "hoodie",
    "ties": "tie",
}
_ALWAYS = frozenset(
    (
        *("jeans", "pants", "shorts", "glasses", "sunglasses", "goggles", "trousers"),
        *("scissors", "clothes", "overalls", "pajamas", "tights", "leggings", "headphones"),
        *("binoculars", "stairs", "khakis", "slacks"),
    )
)
"""Nouns that have no singular."""
_ENDINGS = ("ches", "shes", "sses", "xes", "zzes", "toes")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a caption about something that may be seen."""

    chain: str
    """Number of what it is about: phrases of other captions of the photo may be about the same."""
    noun: str | None
    """The word that it is about, in lower case as it stands there; None where none is found."""


def parse_caption(text: str) -> tuple[str, list[Phrase]]:
    """Return a caption without its marks, and its phrases. Raises ValueError for a broken mark.

    >>> parse_caption("[/EN#7/people Two men] wait in [/EN#0/notvisual line] .")
    ('Two men wait in line .', [Phrase(chain='7', noun='men')])
    """
    plain = _PHRASE.sub(r"\3", text)
    if _MARK in plain:
        raise ValueError(f"a phrase that begins with {plain[plain.index(_MARK) :]:.30} has no end")
    return plain, list(_phrases(text))


def _phrases(text: str) -> Iterator[Phrase]:
    for chain, types, words in _PHRASE.findall(text):
        if chain != _NOTHING and "notvisual" not in types.split("/"):
            yield Phrase(chain, find_noun(words))


def find_noun(phrase: str) -> str | None:
    """Return the word that a phrase is about: the last before one that says more of it.

    >>> find_noun("a black and white dog with a red ball"), find_noun("A group of young men")
    ('dog', 'men')
    >>> find_noun("21")
    """
    words = phrase.lower().split()
    start, found = 0, None
    for at, word in enumerate(words):
        if word in _ENDS and found is not None:
            if word != "of" or found not in _PARTS or at + 1 == len(words):
                return found
            start, found = at + 1, None
        elif at >= start and _WORD.fullmatch(word) and word not in _ENDS:
            found = word
    return found


def singular(noun: str) -> str:
    """Return a noun in the singular, by English's rules of spelling and a list of exceptions.

    >>> [singular(noun) for noun in ("dogs", "women", "benches", "bodies", "glass", "jeans", "bus")]
    ['dog', 'woman', 'bench', 'body', 'glass', 'jeans', 'bus']
    """
    if noun in _ALWAYS:
        return noun
    for plural, one in _SINGULARS.items():
        if noun == plural or (noun.endswith(plural) and plural in ("men", "women", "children")):
            return noun.removesuffix(plural) + one
    if noun.endswith("ies") and len(noun) > 4:
        return noun[:-3] + "y"
    if noun.endswith(_ENDINGS):
        return noun[:-2]
    if noun.endswith("s") and not noun.endswith(("ss", "us", "is", "'s")) and len(noun) > 3:
        return noun[:-1]
    return noun

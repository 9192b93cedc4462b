"""Plurals of English nouns, by rules and a table of those that follow none."""

from __future__ import annotations

_IRREGULAR = {
    "bison": ("bison",),
    "bus": ("buses", "busses"),
    "calf": ("calves",),
    "child": ("children",),
    "deer": ("deer",),
    "die": ("dice",),
    "elf": ("elves",),
    "fish": ("fish", "fishes"),
    "foot": ("feet",),
    "goose": ("geese",),
    "half": ("halves",),
    "knife": ("knives",),
    "leaf": ("leaves",),
    "life": ("lives",),
    "loaf": ("loaves",),
    "louse": ("lice",),
    "man": ("men",),
    "moose": ("moose",),
    "mouse": ("mice", "mouses"),
    "ox": ("oxen",),
    "person": ("people", "persons"),
    "quiz": ("quizzes",),
    "salmon": ("salmon",),
    "scarf": ("scarves", "scarfs"),
    "sheep": ("sheep",),
    "shelf": ("shelves",),
    "shrimp": ("shrimp", "shrimps"),
    "thief": ("thieves",),
    "tooth": ("teeth",),
    "trout": ("trout",),
    "wife": ("wives",),
    "wolf": ("wolves",),
    "woman": ("women",),
    "zucchini": ("zucchini", "zucchinis"),
}
_COMPOUND = ("woman", "man", "child", "mouse", "foot", "tooth", "goose", "knife", "shelf")
"""What a word written in one can end with, such as ``fireman``; the longer before the shorter."""
_NO_COMPOUND = ("human", "german", "roman", "shaman", "mongoose", "ottoman", "talisman")
_HISSING = ("s", "x", "z", "ch", "sh")
_VOWELS = "aeiou"


def pluralise(noun: str) -> tuple[str, ...]:
    """Return the plurals of a noun in lower case, the usual one first.

    A word of several parts has the plural of its last one.

    >>> pluralise("dining table"), pluralise("bench"), pluralise("puppy"), pluralise("policeman")
    (('dining tables',), ('benches',), ('puppies',), ('policemen',))
    >>> pluralise("human"), pluralise("potato"), pluralise("sheep")
    (('humans',), ('potatoes', 'potatos'), ('sheep',))
    """
    start = max(noun.rfind(" "), noun.rfind("-")) + 1
    before, word = noun[:start], noun[start:]
    return tuple(before + one for one in _of_word(word))


def _of_word(word: str) -> tuple[str, ...]:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word not in _NO_COMPOUND:
        for end in _COMPOUND:
            if word.endswith(end):
                return tuple(word.removesuffix(end) + one for one in _IRREGULAR[end])
    if word.endswith(_HISSING):
        return (word + "es",)
    if word.endswith("y") and word[-2:-1] not in ("", *_VOWELS):
        return (word[:-1] + "ies",)
    if word.endswith("o") and word[-2:-1] not in ("", *_VOWELS):
        return (word + "es", word + "s")
    return (word + "s",)

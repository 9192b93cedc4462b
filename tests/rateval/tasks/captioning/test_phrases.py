"""Phrases found in texts, beside a matcher that tries every stretch of characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from rateval.tasks.captioning.phrases import Phrases, list_forms
from rateval.tasks.captioning.plurals import pluralise

WORDINGS = (("dog", "puppy"), ("hot dog",), ("person", "man"), ("wine glass",), ("t-shirt",))
WORDS = ("dog", "dogs", "hot", "Hot", "puppies", "men", "man", "wine", "glass", "glasses", "t")
SIGNS = (" ", "  ", ", ", "-", ". ", "'s ", "\u2019s ")


def find_naively(text: str) -> list[tuple[int, int, int]]:
    """Return phrases by trying the longest stretch first from each word on, left to right."""
    forms = {
        form.replace("-", " "): label
        for label, named in reversed(list(enumerate(WORDINGS)))
        for wording in named
        for form in list_forms(wording)
    }
    found, at = [], 0
    while at < len(text):
        if not text[at].isalnum() or (at and text[at - 1].isalnum()):
            at += 1
            continue
        for stop in range(len(text), at, -1):
            piece = text[at:stop]
            whole = piece[-1].isalnum() and not text[stop : stop + 1].isalnum()
            plain = piece.lower().replace("-", " ").replace("'", " ").replace("\u2019", " ")
            if whole and " ".join(plain.split()) in forms:
                found.append((forms[" ".join(plain.split())], at, stop))
                at = stop
                break
        else:
            at += 1
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(SIGNS)), max_size=8))
def test_phrases_are_those_of_a_naive_matcher(pieces: list[tuple[str, str]]) -> None:
    text = "".join(word + sign for word, sign in pieces)
    found = [(one.label, one.start, one.stop) for one in Phrases(WORDINGS).find(text)]
    assert found == find_naively(text)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("Hotdogs aren't hot-dogs.", ["hot-dogs"]),
        ("A hot, dog-tired man", ["dog", "man"]),
        ("a snowman and a doghouse", []),
        ("The man's T-shirt", ["man", "T-shirt"]),
        ("", []),
        ("İstanbul'da a dog", ["dog"]),
    ],
)
def test_words_are_whole_and_spans_are_of_the_text_itself(text: str, phrases: list[str]) -> None:
    assert [text[one.start : one.stop] for one in Phrases(WORDINGS).find(text)] == phrases


def test_what_two_classes_are_called_is_the_first_ones() -> None:
    (found,) = Phrases([("bat",), ("bat", "club")]).find("two bats")
    assert found.label == 0


@pytest.mark.parametrize(
    ("wordings", "text", "label"),
    [
        ((("glass",), ("glasses",)), "his Glasses", 1),
        ((("bat", "club"), ("club",)), "a club", 1),
        ((("person", "group"), ("crowd", "groups")), "two groups", 1),
        ((("glass",), ("glasses",)), "one glass", 0),
    ],
)
def test_names_win_over_other_words_and_those_over_plurals_that_rules_make(
    wordings: tuple[tuple[str, ...], ...], text: str, label: int
) -> None:
    (found,) = Phrases(wordings).find(text)
    assert found.label == label


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("a hot\u2011dog and a HOT\u2010DOG", ["hot\u2011dog", "HOT\u2010DOG"]),
        ("a hot\u2013dog", []),
        ("\U0001f436 Cafe\u0301, caf\u00e9s \u2764\ufe0f", ["Cafe\u0301", "caf\u00e9s"]),
        ("a \u0915\u0941\u0924\u094d\u0924\u093e sits", ["\u0915\u0941\u0924\u094d\u0924\u093e"]),
        ("\u2764\ufe0fbone", ["bone"]),
        ("bone\u0303", []),
    ],
)
def test_hyphens_and_accents_are_those_of_any_keyboard(text: str, phrases: list[str]) -> None:
    """A hyphen that breaks no line, accents in a character of their own, signs of other scripts."""
    wordings = [("hot dog",), ("caf\u00e9",), ("\u0915\u0941\u0924\u094d\u0924\u093e",), ("bone",)]
    assert [text[one.start : one.stop] for one in Phrases(wordings).find(text)] == phrases


@pytest.mark.parametrize(
    ("noun", "plural"),
    [
        ("bus", "buses"),
        ("toothbrush", "toothbrushes"),
        ("teddy bear", "teddy bears"),
        ("wine glass", "wine glasses"),
        ("knife", "knives"),
        ("broccoli", "broccolis"),
        ("mouse", "mice"),
        ("donut", "donuts"),
        ("cow", "cows"),
        ("key", "keys"),
        ("box", "boxes"),
        ("snowman", "snowmen"),
        ("human", "humans"),
    ],
)
def test_plurals(noun: str, plural: str) -> None:
    assert plural in pluralise(noun)

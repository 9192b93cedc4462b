"""Marked phrases of captions."""

from __future__ import annotations

import pytest

from rateval_datasets.captions.phrases import find_noun, parse_caption, singular


@pytest.mark.parametrize(
    ("phrase", "noun"),
    [
        ("A man", "man"),
        ("Two young , Asian men", "men"),
        ("a black and white dog", "dog"),
        ("the back of a truck", "back"),
        ("A group of people", "people"),
        ("A couple", "couple"),
        ("a pair of jeans", "jeans"),
        ("a girl in a pink dress", "girl"),
        ("his t-shirt", "t-shirt"),
        ("a man 's hat", "hat"),
        ("a lot of", "lot"),
        ("of the men", "men"),
        ("20", None),
    ],
)
def test_noun_of_a_phrase(phrase: str, noun: str | None) -> None:
    assert find_noun(phrase) == noun


@pytest.mark.parametrize(
    ("noun", "one"),
    [
        *(("policemen", "policeman"), ("women", "woman"), ("people", "person"), ("boys", "boy")),
        *(("ladies", "lady"), ("dresses", "dress"), ("glasses", "glasses"), ("shoes", "shoe")),
        *(("buses", "bus"), ("grass", "grass"), ("horses", "horse"), ("boxes", "box")),
        *(("tennis", "tennis"), ("watches", "watch"), ("tie", "tie"), ("potatoes", "potato")),
    ],
)
def test_singular(noun: str, one: str) -> None:
    assert singular(noun) == one
    assert singular(one) == one


def test_caption_with_marks() -> None:
    plain, phrases = parse_caption(
        "[/EN#5/people/other Three people] watch [/EN#0/notvisual it] from [/EN#6/scene the shore]"
    )
    assert plain == "Three people watch it from the shore"
    assert [(one.chain, one.noun) for one in phrases] == [("5", "people"), ("6", "shore")]


@pytest.mark.parametrize("broken", ["[/EN#5/people A man", "[/EN#x/people A man]", "[/EN#5 ]"])
def test_broken_marks_are_refused(broken: str) -> None:
    with pytest.raises(ValueError, match="has no end"):
        parse_caption(broken)

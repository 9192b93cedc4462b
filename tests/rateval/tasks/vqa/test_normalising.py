"""Answers compared as published, held to an evaluation that is written step by step here."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from rateval.tasks.vqa.normalising import normalise_gqa, normalise_vqa, soft_score

TEXT = (
    "two 2 The cat dont don't couldnt've 1,000 a none left. red-blue U.S. 3.5 hello, (ok) ten / an "
    "it's o'clock"
)
SIGNS = r""";/[]"{}()=+\_-><@`,?!"""
NAMES = "none zero one two three four five six seven eight nine ten"
TEXTS = st.lists(st.sampled_from(TEXT.split()), min_size=1, max_size=4).map(" ".join)


def by_people(answer: str, references: list[str]) -> float:
    """Score as the official script goes about it: a mean over people, each left out once."""
    said = answer.strip()
    people = list(references)
    if len(set(people)) > 1:
        people = [plain(one) for one in people]
        said = words(plain(said))
    shares = []
    for at in range(len(people)):
        others = people[:at] + people[at + 1 :]
        shares.append(min(1.0, sum(one == said for one in others) / 3))
    return sum(shares) / len(shares)


def plain(text: str) -> str:
    out = text
    for sign in SIGNS:
        if (sign + " " in text or " " + sign in text) or re.search(r"(\d)(\,)(\d)", text):
            out = out.replace(sign, "")
        else:
            out = out.replace(sign, " ")
    return re.sub(r"(?!<=\d)(\.)(?!\d)", "", out)


def words(text: str) -> str:
    numbers = dict(zip(NAMES.split(), map(str, [0, *range(11)]), strict=True))
    short = {"dont": "don't", "couldnt've": "couldn't've"}
    kept = [numbers.get(word, word) for word in text.lower().split()]
    return " ".join(short.get(word, word) for word in kept if word not in ("a", "an", "the"))


@given(TEXTS, st.lists(TEXTS, min_size=2, max_size=10))
def test_soft_scores_are_the_mean_over_people(answer: str, references: list[str]) -> None:
    assert soft_score(answer, tuple(references)) == pytest.approx(by_people(answer, references))


@given(TEXTS)
def test_what_everybody_says_is_right(answer: str) -> None:
    assert soft_score(answer, (answer.strip(),) * 10) == 1
    assert soft_score(answer, (answer.strip(),)) == 1


@pytest.mark.parametrize(
    ("given_", "found"),
    [
        ("Shouldnt've", "shouldn't've"),
        ("shouldn'tve", "shouldn't've"),
        ("twas", "'twas"),
        ("the Ten!", "10"),
        ("none", "0"),
        ("3.5", "3.5"),
        ("no.", "no"),
        ("red-blue", "red blue"),
        ("red - blue", "red blue"),
    ],
)
def test_published_forms(given_: str, found: str) -> None:
    assert normalise_vqa(given_) == found


def test_gqa_compares_words_as_they_are() -> None:
    assert normalise_gqa(" Two. ") == "two"
    assert normalise_gqa("the left") == "the left"

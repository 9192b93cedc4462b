"""Answers made comparable, as the published evaluations of GQA and of VQA do it."""

from __future__ import annotations

import re

_SIGNS = ';/[]"{}()=+\\_-><@`,?!'
_COMMA = re.compile(r"\d,\d")
_PERIOD = re.compile(r"(?!<=\d)(\.)(?!\d)")
"""The published pattern, whose first part asks for nothing."""
_PERIODS = 32
"""How many of them are taken out: the published call has a flag in the place of this number."""
_ARTICLES = ("a", "an", "the")
_DIGITS = {
    name: str(digit)
    for digit, name in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    )
} | {"none": "0"}
_SHORTENED = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
    haven't he'd he'd've he's how'd how'll how's I'd've I'm I've isn't it'd it'd've it'll ma'am
    mightn't mightn't've might've mustn't must've needn't not've o'clock oughtn't shan't she'd've
    should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've
    someone'll someone's something'd something'd've something'll that's there'd there'd've there're
    there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll
    what're what's what've when's where'd where's where've who'd who'd've who'll who's who've
    why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd
    you'd've you'll you're you've
"""
"""Words that are written with an apostrophe which people leave out."""


def _list_shortened() -> dict[str, str]:
    """Return a word with one of its apostrophes left out to the word."""
    found = {
        word[: sign.start()] + word[sign.end() :]: word
        for word in _SHORTENED.split()
        for sign in re.finditer("'", word)
    }
    return (
        found
        | {"ow's'at": "'ow's'at", "'ows'at": "'ow's'at", "'ow'sat": "'ow's'at"}
        | {
            "somebody'd": "somebodyd"  # as published
        }
    )


_WITH_APOSTROPHE = _list_shortened()


def normalise_gqa(answer: str) -> str:
    """Return an answer in lower case, without blanks around it and without a period at its end.

    Source: github.com/stanfordnlp/gqa-eval compares words that the data has in this form.

    >>> normalise_gqa(" Left. ")
    'left'
    """
    return answer.strip().lower().removesuffix(".").strip()


def normalise_vqa(answer: str) -> str:
    """Return an answer as the official evaluation of VQA compares it.

    Signs, periods and articles go, numbers become digits, apostrophes come back. Source:
    github.com/GT-Vision-Lab/VQA, PythonEvaluationTools/vqaEvaluation/vqaEval.py.

    >>> normalise_vqa("The two dogs, dont!"), normalise_vqa("1,000.")
    ("2 dogs don't", '1000')
    """
    text = answer.replace("\n", " ").replace("\t", " ").strip()
    return _without_articles(_without_signs(text))


def _without_signs(text: str) -> str:
    cleaned = text
    number = _COMMA.search(text) is not None
    for sign in _SIGNS:
        alone = f"{sign} " in text or f" {sign}" in text
        cleaned = cleaned.replace(sign, "" if alone or number else " ")
    return _PERIOD.sub("", cleaned, count=_PERIODS)


def _without_articles(text: str) -> str:
    words = [_DIGITS.get(word, word) for word in text.lower().split()]
    kept = [word for word in words if word not in _ARTICLES]
    return " ".join(_WITH_APOSTROPHE.get(word, word) for word in kept)


def soft_score(answer: str, references: tuple[str, ...]) -> float:
    """Return how far people agree with an answer, in [0, 1].

    For each of them it is min(matches / 3, 1) among the others, and the mean over all is taken;
    where all gave one answer, it is compared as it is written. A single reference is agreed with
    or not.

    Source: Antol et al., ICCV 2015, section 4, by the official vqaEval.py.

    >>> soft_score("two", ("2", "two", "2", "3", "3", "3", "3", "3", "3", "3"))
    0.6
    """
    given = answer.replace("\n", " ").replace("\t", " ").strip()
    people = list(references)
    if len(set(people)) > 1:
        # The references' numbers and articles stay as they are, as published.
        people = [_without_signs(reference) for reference in people]
        given = normalise_vqa(answer)
    matches = sum(reference == given for reference in people)
    count = len(people)
    if count == 1:
        return float(matches)
    others = (count - matches) * min(1.0, matches / 3)
    own = matches * min(1.0, (matches - 1) / 3)
    return (others + own) / count

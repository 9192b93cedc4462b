"""Whatever README.md and docs claim of a run is what its intervals bear."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import claims
import figures
import prose
import pytest
from claims import Claim, Counted, Entry, Exempt, Published
from figures import Figures, Row

ENTRIES = claims.read()
ROW = {"accuracy": (0.9, 0.87, 0.92), "pt": (0.25, 0.2, 0.3)}
BASE = {"accuracy": (0.5, 0.46, 0.54), "pt": (0.3, 0.25, 0.35)}
CHANGE = {"accuracy": (0.4, 0.36, 0.44), "pt": (-0.05, -0.1, 0.01)}
MADE_UP = Figures(
    "made-up",
    [0],
    0.95,
    [
        Row("biased", "clip", "zs", "map", "mass", BASE),
        Row("biased", "clip", "ft", "map", "mass", ROW, {"zs": CHANGE}),
    ],
)
PLACES = (["biased"], ["clip"], ["map"], ["mass"])


def claim(text: str, metric: str, says: prose.Says) -> Claim:
    return Claim("README.md", text, "made-up", *PLACES, [metric], ["ft"], says)


@pytest.mark.parametrize("path", prose.documents(), ids=lambda path: path.name)
def test_every_claim_of_a_document_is_in_the_list(path: Path) -> None:
    name = path.relative_to(prose.ROOT).as_posix()
    mine = [entry for entry in ENTRIES if entry.file == name]
    assert claims.uncovered(path.read_text(encoding="utf-8"), mine) == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.file}: {entry.text[:60]}")
def test_the_figures_bear_what_is_claimed(entry: Entry) -> None:
    assert claims.complaints(entry) == []


def test_no_entry_is_exempt_without_a_reason() -> None:
    assert all(entry.reason for entry in ENTRIES if isinstance(entry, Exempt))


@pytest.mark.parametrize("says", ["falls", "no difference"])
def test_a_real_claim_turned_round_is_refuted(says: prose.Says) -> None:
    rising = [entry for entry in ENTRIES if isinstance(entry, Claim) and entry.says == "rises"]
    assert rising
    for entry in rising:
        turned = dataclasses.replace(entry, says=says)
        assert claims.refuted(turned, figures.read(entry.study)), entry.text


@pytest.mark.parametrize(
    ("text", "metric", "says", "refuted"),
    [
        ("accuracy rises by 40 points", "accuracy", "rises", []),
        ("accuracy rises from 50 to 90.0", "accuracy", "rises", []),
        ("accuracy falls by 40", "accuracy", "falls", ["falls? accuracy of biased"]),
        ("accuracy rises by 40.1", "accuracy", "rises", ["40.1 is no figure"]),
        ("accuracy rises by −40", "accuracy", "rises", ["−40 is no figure"]),
        ("no difference in PT (−10 to +1.0)", "pt", "no difference", []),
        ("PT falls by 5", "pt", "falls", ["falls? pt of biased"]),
        ("PT is 25, before 30", "pt", "is", []),
        ("PT is 26, before 31", "pt", "is", ["26 is no figure", "31 is no figure"]),
    ],
)
def test_a_claim_is_held_against_its_interval(
    text: str, metric: str, says: prose.Says, refuted: list[str]
) -> None:
    found = claims.refuted(claim(text, metric, says), MADE_UP)
    assert len(found) == len(refuted)
    for complaint, start in zip(found, refuted, strict=True):
        assert complaint.startswith(start)


def test_a_row_that_is_not_there_is_named() -> None:
    other = dataclasses.replace(claim("PT falls", "pt", "falls"), methods=["lora"])
    with pytest.raises(KeyError, match=r"made-up: no row .*lora.*there are"):
        claims.refuted(other, MADE_UP)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("PT falls by 3.", 1),
        ("The bird falls from the branch.", 0),
        ("# PT falls\n\n```text\nPT falls\n```\n\n| PT | falls |\n", 0),
        ("- Accuracy\n  rises: see there. And accuracy is\n  higher than before.", 1),
        ("Right for the right reason less often.", 1),
        ("`ft` gains 33 %.", 1),
        ("PT `rises` in this.", 1),
    ],
)
def test_sentences_that_claim_a_change_are_found(text: str, left: int) -> None:
    covered = [Entry("a.md", "Accuracy rises")]
    assert len(claims.uncovered(text, covered)) == left


def test_a_sentence_with_two_claims_needs_both() -> None:
    text = "PT falls and IR rises."
    assert claims.uncovered(text, [Entry("a.md", "PT falls")]) == [text]
    assert claims.uncovered(text, [Entry("a.md", "PT falls"), Entry("a.md", "IR rises")]) == []


def test_what_no_sentence_has_is_refused() -> None:
    gone = Exempt("README.md", "PT falls for everybody", "a lie")
    assert claims.complaints(gone) == ["no sentence has this text"]


def test_published_counts_are_counted() -> None:
    made = Published(
        "docs/protocols.md", "PT falls against zs in 40 of 48 pairs", "pt", "falls", 1, 2
    )
    assert claims.complaints(made) == ["pt falls in 40 of 48 published pairs"]


@pytest.mark.parametrize(
    ("tests", "says", "cells", "of", "complaints"),
    [
        ("biased, corruption *", "rises", 1, 2, []),
        ("biased, corruption *", "no difference", 1, 2, []),
        ("biased*", "falls", 0, 3, []),
        ("biased, corruption *", "rises", 2, 2, ["accuracy rises in 1 of 2 tests 'biased, *"]),
        ("unbiased*", "rises", 1, 1, ["accuracy rises in 0 of 0 tests 'unbiased*'"]),
    ],
)
def test_tests_are_counted(
    tests: str,
    says: prose.Says,
    cells: int,
    of: int,
    complaints: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        dataclasses.replace(row, test=test, changes={"zs": {"accuracy": change}})
        for row in MADE_UP.rows
        for test, change in (
            ("biased", (0.4, 0.36, 0.44)),
            ("biased, corruption fog 3", (0.1, 0.01, 0.2)),
            ("biased, corruption frost 3", (0.1, -0.01, 0.2)),
        )
    ]
    monkeypatch.setattr(figures, "read", lambda study: dataclasses.replace(MADE_UP, rows=rows))
    text = "PT falls for both"  # as if of a sentence of the README
    entry = Counted(
        "README.md", text, "made-up", tests, "clip", "map", "mass", "accuracy", "ft",
        says, cells, of,
    )  # fmt: skip
    monkeypatch.setattr(claims, "sentences", lambda _: [text])
    found = claims.complaints(entry)
    assert len(found) == len(complaints)
    for one, start in zip(found, complaints, strict=True):
        assert one.startswith(start.removesuffix("*"))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('[[claim]]\nfile = "a"\ntext = "b"', "b: .*missing"),
        ('[[exempt]]\nfile = "a"\ntext = "b"\nwhy = "c"', "b: .*why"),
        ('[[exemption]]\nfile = "a"', "entries are"),
        (
            '[[published]]\nfile = "a"\ntext = "b"\nmetric = "pt"\nsays = "sinks"\n'
            "cells = 1\nof = 2",
            "says",
        ),
    ],
)
def test_a_mistake_in_the_list_is_told(content: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "claims.toml").write_text(content, encoding="utf-8")
    with pytest.raises(claims.ClaimError, match=complaint):
        claims.read(tmp_path / "claims.toml")


def test_numbers_keep_their_signs_and_precision() -> None:
    assert prose.numbers("−9.5 (−14.6 to +4), `lp-2` and 30 %") == ["−9.5", "−14.6", "+4", "30"]
    assert prose.quotes("−9.5", [-0.0951]) and not prose.quotes("−9.5", [-0.0958])
    assert prose.quotes("10", [0.0951]) and not prose.quotes("9", [0.0951])

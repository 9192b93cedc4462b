"""``rateval power`` answers from the formulas, and refuses what contradicts itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from rateval.stats.power import Supposed, least_difference, units_needed

Rateval = Callable[..., Any]


def test_images_needed_and_what_so_many_show(rateval: Rateval) -> None:
    done = rateval(
        "power", "--value", "35%", "--of", "0.9", "--difference", "0.05", "--images", "600"
    )
    supposed = Supposed(0.35, 0.30, 0.9, 0.9)
    least = least_difference(supposed, 600)
    assert least is not None
    assert done.code == 0
    assert "PT of 35.0% against 30.0%, over correct predictions among 90.0% of" in done.out
    assert f"{units_needed(supposed):,}" in done.out
    assert f"{100 * least:.1f} points" in done.out


def test_json_has_null_where_nothing_was_asked(rateval: Rateval) -> None:
    done = rateval("power", "--metric", "accuracy", "--value", "0.8", "--json")
    assert json.loads(done.out) == {
        "metric": "accuracy",
        "difference": 0.05,
        "images_needed": units_needed(Supposed(0.8, 0.75)),
        "images": None,
        "chance": None,
        "least_difference": None,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--value", "0.35"], "--of: missing; pt counts correct predictions alone"),
        (["--value", "35", "--of", "1"], "35: is no share; give a number from 0 to 1"),
        (["--value", "0", "--of", "1"], "--value = 0: must be above 0"),
        (["--value", "nan", "--of", "1"], "nan: is no share"),
        (["--value", "0.3", "--of", "0"], "--of = 0: must be above 0"),
        (["--value", "0.3", "--of", "1", "--difference", "0.4"], "cannot fall so far"),
        (
            ["--value", "0.3", "--of", "1", "--images", "0"],
            "0: must be a whole number of 1",
        ),
        (["--value", "0.3", "--of", "1", "--power", "1"], "--power = 1: must lie between"),
        (["--value", "0.3", "--of", "1", "--correlation", "2"], "2: is no correlation"),
    ],
)
def test_what_cannot_be(rateval: Rateval, arguments: list[str], said: str) -> None:
    done = rateval("power", *arguments)
    assert done.code == 2
    assert said in done.err
    assert not done.out

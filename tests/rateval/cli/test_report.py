"""``rateval report`` in its three forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package

Rateval = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("acme")


@pytest.fixture
def folder(rateval: Rateval) -> str:
    """Run a small study in the folder that the command line is in."""
    record = package.run(
        {
            "study": {"name": "tiny"},
            "dataset": [{"use": "squares", "test": 40}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 1, "lr": 0.003, "batch_size": 8}],
            "run": {"device": "cpu"},
        }
    )
    return str(record.path)


def test_json_is_the_record(rateval: Rateval, folder: str) -> None:
    done = rateval("report", folder, "--json")
    assert (done.code, done.err) == (0, "")
    stored = json.loads((Path(folder) / "run.json").read_text())
    assert json.loads(done.out) == stored
    assert done.out.isascii()


def test_plain_is_ascii_and_says_the_same(rateval: Rateval, folder: str) -> None:
    done, usual = rateval("report", folder, "--plain"), rateval("report", folder)
    assert (done.code, done.err) == (0, "")
    assert done.out.isascii()
    assert "\x1b" not in done.out
    assert not usual.out.isascii()
    assert len(done.out.splitlines()) >= len(usual.out.splitlines()) - 2
    assert max(map(len, done.out.splitlines())) <= 80


def test_details_are_added(rateval: Rateval, folder: str) -> None:
    done, usual = rateval("report", folder, "--details"), rateval("report", folder)
    assert (done.code, done.err) == (0, "")
    for told in ("by thirds of mask area", "mean confidence by evidence", "worst classes of ft"):
        assert told in done.out
        assert told not in usual.out
    assert "worst class by accuracy: " in usual.out
    assert "rateval report --details" in " ".join(usual.out.split())
    plain = rateval("report", folder, "--details", "--plain")
    assert plain.out.isascii()
    both = rateval("report", folder, "--details", "--json")
    assert (both.code, both.out) == (2, "")
    assert both.err == (
        "error: --details: --json prints all that is known already; leave one of them out\n"
    )


def test_one_form_at_a_time(rateval: Rateval, folder: str) -> None:
    done = rateval("report", folder, "--json", "--plain")
    assert done.code == 2
    assert "not allowed with argument" in done.err


def test_what_is_no_run_is_refused(rateval: Rateval) -> None:
    done = rateval("report", "nowhere", "--json")
    assert done.code == 2
    assert "holds no run that can be read" in done.err

"""``rateval compare``: what it prints, writes and refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package
from rateval.records.run import RunRecord

pytestmark = pytest.mark.usefixtures("acme")

Rateval = Callable[..., Any]
HOSTILE = "[red]=1+1[/red]"


def run(output: str, epochs: int, test: int = 24) -> RunRecord:
    Path(f"{output}.toml").write_text(
        f"""
        [study]
        name = "{output}"
        [[dataset]]
        use = "squares"
        name = "{HOSTILE}"
        test = {test}
        [[model]]
        use = "tiny"
        [[finetune]]
        use = "zs"
        [[finetune]]
        use = "ft"
        epochs = {epochs}
        lr = 0.003
        batch_size = 8
        [[evidence]]
        use = "relevance-mass"
        threshold = 0.25
        [run]
        device = "cpu"
        output = "{output}"
        """
    )
    return package.run(f"{output}.toml")


def test_two_runs_are_printed_side_by_side(
    rateval: Rateval, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = run("one", 1), run("two", 3)
    record = package.compare(one, two, changed=None)
    (pair,) = [found for found in record.pairs if found.candidate.finetuner == "ft"]
    done = rateval("compare", str(one.path), str(two.path), "--plain")
    assert done.code == 0, done.err
    assert done.out.isascii()
    done = rateval("compare", str(one.path), str(two.path), "--changed", "all.csv", "--show", "1")
    assert done.code == 0, done.err
    assert f"{HOSTILE}  generic-attention · relevance-mass  24 units of both" in done.out
    assert "[[finetune]] ft epochs: 1 → 3" in done.out
    lines = done.out.splitlines()
    assert all(len(line) <= 80 for line in lines if "/" not in line)
    (line,) = [line for line in lines if line.startswith("tiny · ft")]
    accuracy = pair.metric("accuracy")
    assert accuracy is not None
    shown = [f"{100 * (one.value or 0):.1f}" for one in (accuracy.baseline, accuracy.candidate)]
    assert line.split()[4:6] == shown
    assert f"{pair.moved} of 24 units changed" in done.out
    for before in ("RR", "RW", "WR", "WW"):
        row = [str(pair.transitions.get(before, {}).get(s, 0)) for s in ("RR", "RW", "WR", "WW")]
        assert [before, *row] in [line.split() for line in lines]
    with Path("all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [u.id for found in record.pairs for u in found.changed]
    assert {row["dataset"] for row in rows} <= {HOSTILE}
    monkeypatch.setenv("COLUMNS", "140")
    wide = rateval("compare", str(one.path), str(two.path))
    assert "p (Holm)" in wide.out.split("quadrants")[0]
    said = json.loads(rateval("compare", str(one.path), str(two.path), "--json").out)
    assert said == package.compare(one, two).model_dump(mode="json")


def test_what_cannot_be_compared_ends_with_2(rateval: Rateval) -> None:
    one, two = run("one", 1), run("two", 1, test=12)
    done = rateval("compare", str(one.path), str(two.path))
    assert done.code == 2
    assert "12 ids are in both" in done.err
    done = rateval("compare", str(one.path), "nowhere")
    assert done.code == 2
    assert "nowhere: holds no run that can be read" in done.err
    done = rateval("compare", str(one.path), str(one.path), "--changed", "all.txt")
    assert done.code == 2
    assert "--changed all.txt: must end with .csv or .json" in done.err
    done = rateval("compare", str(one.path), str(one.path), "--changed", "gone/all.csv")
    assert done.code == 2
    assert "--changed gone/all.csv: can't be written" in done.err
    done = rateval("compare", str(one.path), str(one.path), "--level", "95")
    assert done.code == 2
    assert "95: must be a number above 0 and below 1" in done.err


def test_a_page_is_written(rateval: Rateval) -> None:
    one, two = run("one", 1), run("two", 3)
    folders = str(one.path), str(two.path)
    done = rateval("compare", *folders, "--html", "pair.html", "--changed", "all.json")
    assert done.code == 0, done.err
    assert done.out == "page  pair.html\n"
    page = Path("pair.html").read_text(encoding="utf-8")
    record = package.compare(one, two, changed=None)
    units = {unit.id for pair in record.pairs for unit in pair.changed}
    assert units
    assert all(f'"{name}"' in page for name in units)
    assert "[red]=1+1[/red]" in page
    assert {row["id"] for row in json.loads(Path("all.json").read_text())} == units
    done = rateval("compare", *folders, "--html", "page/", "--no-pictures")
    assert done.code == 0, done.err
    assert done.out == "page  page/index.html\n"
    assert "without any photo" in Path("page/index.html").read_text(encoding="utf-8")


def test_a_page_that_cannot_be_ends_with_2(rateval: Rateval) -> None:
    one, other = run("one", 1), run("two", 1, test=12)
    folders = str(one.path), str(one.path)
    done = rateval("compare", *folders, "--no-pictures")
    assert done.code == 2
    assert "--no-pictures: nothing to leave out of" in done.err
    done = rateval("compare", *folders, "--html", "gone/pair.html")
    assert done.code == 2
    assert "--html gone/pair.html: can't be written" in done.err
    done = rateval("compare", *folders, "--html", "pair.html", "--json")
    assert done.code == 2
    done = rateval("compare", str(one.path), str(other.path), "--html", "pair.html")
    assert done.code == 2
    assert "12 ids are in both" in done.err
    assert not Path("pair.html").exists()

"""Tables of answers to questions, as a terminal prints them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import rateval
from rateval.records.run import RunRecord
from rateval.report.terminal.report import render

SPEC: dict[str, Any] = {
    "study": {"name": "asked"},
    "dataset": [{"use": "questions", "test": 30, "besides": ["blue"]}],
    "model": [{"use": "writer"}, {"use": "writer", "name": "talker", "says": "nobody knows"}],
    "finetune": [{"use": "zs"}],
    "attribution": [{"use": "generic-attention"}, {"use": "random"}],
    "task": [{"use": "vqa", "correct": "soft"}],
    "run": {"device": "cpu"},
}


@pytest.fixture
def run(acme: Path, tmp_path: Path) -> RunRecord:
    return rateval.run(SPEC, output=str(tmp_path / "runs"))


def draw(shown: RunRecord, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(render(shown, width))
    return stream.getvalue().splitlines()


def section(lines: list[str], title: str) -> list[list[str]]:
    """Return the words of the rows below a title."""
    start = next(at for at, line in enumerate(lines) if title in line)
    rule = next(at for at in range(start, len(lines)) if lines[at].startswith("──"))
    end = next(at for at in range(rule, len(lines)) if not lines[at].strip())
    return [line.split() for line in lines[rule + 1 : end]]


def test_answers_without_the_image_stand_once_for_each_method(run: RunRecord) -> None:
    assert len({cell.key.seed for cell in run.cells}) == 2  # one explainer draws at random
    rows = section(draw(run, 80), "answers without the image")
    assert [row[:2] for row in rows] == [["writer", "zs"], ["talker", "zs"]]
    for name, row in zip(("writer", "talker"), rows, strict=True):
        found = next(cell for cell in run.cells if cell.key.model == name).without_image
        assert found is not None
        shares = (found.blank_right, found.blank_kept, found.other_right, found.other_kept)
        assert row[2:] == [f"{100 * (one.value or 0):.1f}" for one in shares]


def test_soft_scores_are_the_hard_ones_where_nobody_agrees_in_part(run: RunRecord) -> None:
    rows = section(draw(run, 80), "by the share of people who agree · generic-attention")
    writer, talker = rows
    (cell,) = (c for c in run.cells if c.key.method == "writer · zs" and c.key.seed is None)
    soft = [score.soft for score in cell.evidence[0].scores]
    assert writer[2:] == [f"{100 * one.value:.1f}" for one in soft if one and one.value is not None]
    assert talker[2:] == ["0.0", "–", "0.0"]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_tables_by_group_keep_their_names_whole(run: RunRecord, width: int) -> None:
    lines = draw(run, width)
    assert max(map(len, lines)) <= width
    rows = section(lines, "by kind · generic-attention")
    assert [row[:3] for row in (rows[0], rows[2])] == [
        ["writer", "zs", "colour"],
        ["talker", "zs", "colour"],
    ]
    assert [row[0] for row in (rows[1], rows[3])] == ["red", "red"]
    assert any("95 %" in line and "kind" in line for line in lines) == (width > 80)


def test_what_is_counted_is_called_as_its_task_does(run: RunRecord) -> None:
    assert [data.unit for data in run.datasets] == ["question"]
    assert [run.unit(), run.unit("questions"), run.unit("elsewhere")] == ["question"] * 2 + [
        "image"
    ]
    text = " ".join(" ".join(draw(run, 120)).split())
    assert "30 test questions" in text
    assert "RR…WW questions: Right or Wrong prediction" in text
    assert not re.search(r"test images|\d images|images:", text)

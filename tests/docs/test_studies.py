"""Tables of studies of shifts and of training sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import figures
import prose
import pytest
import studies
import tables
from figures import Figures, Row, Triple

NAMES = ("accuracy", "pt", "ir", "right-for-the-object")


def row(test: str, method: str, value: float, change: Triple, validator: str) -> Row:
    values = dict.fromkeys(NAMES, (value, value - 0.1, value + 0.1))
    changes = {} if method == "zs" else {"zs": dict.fromkeys(NAMES, change)}
    return Row(test, "clip", method, "map", validator, values, changes)


def made_up(tests: Sequence[str], change: Triple = (0.1, 0.02, 0.18)) -> Figures:
    rows = [
        row(test, method, 0.2 + 0.1 * at, change if test.endswith(("3", "test")) else turned, by)
        for turned in [figures.turned(change)]
        for at, test in enumerate(tests)
        for method in ("zs", "ft")
        for by in ("relevance-mass", "counterfactual")
    ]
    return Figures("made-up", [0], 0.95, rows)


SHIFTED = ["biased", "biased, corruption fog 1", "biased, corruption fog 3"]
SHIFTED += ["biased, corruption zoom_blur 1", "biased, corruption zoom_blur 3", "unbiased"]


@pytest.fixture
def shifted(monkeypatch: pytest.MonkeyPatch) -> Figures:
    found = made_up(SHIFTED)
    monkeypatch.setattr(figures, "read", lambda study: found)
    return found


def test_a_row_for_each_type_and_severity(shifted: Figures) -> None:
    lines = studies.of_shifts("made-up", "biased", "ft").splitlines()
    assert lines[0] == "| type | severity | accuracy | PT | IR | PT causal |"
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| as it is", ""],
        ["| `fog`", "1"],
        ["| `fog`", "3"],
        ["| `zoom_blur`", "1"],
        ["| `zoom_blur`", "3"],
    ]
    assert lines[4].endswith("| `fog` | 3 |" + " +10.0 (2.0 to 18.0) |" * 4)
    assert lines[3].endswith(" | −10.0 (−18.0 to −2.0) |" * 1)


def test_types_are_counted_by_which_way_a_score_moves(shifted: Figures) -> None:
    assert studies.of_counts("made-up", "biased").splitlines()[2:] == [
        "| ft | 1 | 2 | 0 / 0 / 2 | 0 / 0 / 2 | 0 / 0 / 2 | 0 / 0 / 2 |",
        "| ft | 3 | 2 | 2 / 0 / 0 | 2 / 0 / 0 | 2 / 0 / 0 | 2 / 0 / 0 |",
    ]


def test_a_test_that_lacks_a_method_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = made_up(SHIFTED)
    rows = [row for row in found.rows if (row.test, row.method) != (SHIFTED[1], "ft")]
    found = dataclasses.replace(found, rows=rows)
    monkeypatch.setattr(figures, "read", lambda study: found)
    lines = studies.of_shifts("made-up", "biased", "ft").splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| as it is", ""],
        ["| `fog`", "3"],
        ["| `zoom_blur`", "1"],
        ["| `zoom_blur`", "3"],
    ]
    assert studies.of_counts("made-up", "biased").splitlines()[2].startswith("| ft | 3 | 2 |")


def test_levels_are_means_over_types(shifted: Figures) -> None:
    lines = studies.of_levels("made-up", "biased").splitlines()[2:]
    assert lines[0] == "| zs | as it is | 1 | 20.0 | 20.0 | 20.0 | 20.0 |"
    assert lines[1].startswith("| zs | 1 | 2 | 40.0 |")  # of 30 and 50
    assert lines[5].startswith("| ft | 3 | 2 | 50.0 |")  # of 40 and 60


def test_a_row_for_each_training_set_and_method(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [
        f"bias {bias}, {size} scenes, {test} test"
        for bias, size in (("0", 1000), ("0.9", 300))
        for test in ("biased", "unbiased")
    ]
    found = made_up(names)
    monkeypatch.setattr(figures, "read", lambda study: found)
    lines = studies.of_trainings("made-up", "clip", "unbiased").splitlines()
    assert [line.split(" | ")[:2] for line in lines[2:]] == [
        ["| bias 0, 1000 scenes", "ft"],
        ["| bias 0.9, 300 scenes", "ft"],
    ]
    titles = [title for title, _ in tables.of_study("made-up")]
    assert titles == ["clip, biased test", "clip, unbiased test"]


def test_a_study_of_shifts_is_printed_by_types(shifted: Figures) -> None:
    titles = [title for title, _ in tables.of_study("made-up")]
    assert titles == ["biased, types", "biased, levels", "biased, ft against zero-shot"]


@pytest.mark.parametrize("study", ["shapes-c", "why"])
def test_its_figures_are_those_of_the_spec(study: str) -> None:
    """Tests and methods of docs/figures are some of the spec's, by its seeds or some of them."""
    from rateval.plan.planning import make_plan
    from rateval.registry.discovery import discover
    from rateval.spec.document import read_document

    path = prose.ROOT / "examples" / f"{study}.toml"
    plan = make_plan(read_document(path), discover(third_party=False))
    keys = {
        (", ".join(filter(None, (c.key.dataset, str(c.key.shift or "")))), c.key.finetuner)
        for c in plan.cells
    }
    found = figures.read(study)
    assert {(row.test, row.method) for row in found.rows} <= keys
    assert set(found.seeds) <= set(plan.spec.study.all_seeds)

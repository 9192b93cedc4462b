"""Figures that documents show are those of docs/figures, and those are what a run recorded."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import figures
import prose
import pytest
import tables

import rateval
from rateval.records.run import RunRecord

PAGE = (prose.ROOT / "docs/evidence/quickstart.md").read_text(encoding="utf-8")
TABLE = re.compile(r"^(\S+)  [\d,]+ test images · (?:(.+) · )?(.+)$")
ROW = re.compile(r"^(\S+)  (.+?)  +([-−+\d].*)$")
METRICS = ["accuracy", "pt", "ir", "right-for-the-object", "looks-right-is-not"]
CHANGED = METRICS[:3]
"""Metrics beside whose column stands one of the change."""


def quickstart_output() -> list[str]:
    (block,) = re.findall(r"^```text\n(quickstart .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    lines: list[str] = block.splitlines()
    return lines


def sections(found: figures.Figures) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield test, attribution, validator and the lines below each table's title.

    What edits say has no attribution in its title: it is the same by all.
    """
    lines = quickstart_output()
    starts = [at for at, line in enumerate(lines) if TABLE.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        title = TABLE.match(lines[start])
        assert title
        attribution = title[2] or found.listed("attribution")[0]
        yield title[1], attribution, title[3], lines[start + 1 : end]


def test_the_tables_of_the_page_are_the_quickstart_s() -> None:
    found, rows = figures.read("quickstart"), 0
    for test, attribution, validator, lines in sections(found):
        for line in lines:
            if not (shown := ROW.match(line)) or line.startswith("  "):
                continue
            row = found.find((test, shown[1], shown[2], attribution, validator))
            compare_row(row, re.findall(r"[−+]?\d+\.\d[↑↓]?", shown[3]))
            rows += 1
    assert rows >= 10


def test_the_tables_of_the_tutorial_are_the_starter_s() -> None:
    page = (prose.ROOT / "docs/tutorial/quickstart.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    found, rows, place = figures.read("starter"), 0, ("", "", "")
    for line in block.splitlines():
        if title := TABLE.match(line):
            place = (title[1], title[2], title[3])
        elif (shown := ROW.match(line)) and not line.startswith("model"):
            test, attribution, validator = place
            row = found.find((test, shown[1], shown[2], attribution, validator))
            compare_row(row, re.findall(r"[−+]?\d+\.\d[↑↓]?", shown[3]))
            rows += 1
    assert rows == len(found.rows) == 4


def compare_row(row: figures.Row, shown: list[str]) -> None:
    values = [text for text in shown if text[0] not in "−+"]
    changes = [text for text in shown if text[0] in "−+"]
    metrics = [metric for metric in METRICS if metric in row.values]
    for metric, text in zip(metrics, values, strict=True):
        value = row.values[metric][0]
        assert value is not None and prose.quotes(text, [value]), (row.place, metric, text)
    assert len(changes) == (0 if row.method == figures.ZERO_SHOT else len(CHANGED))
    for metric, text in zip(CHANGED, changes, strict=False):
        value, low, high = row.changes[figures.ZERO_SHOT][metric]
        assert value is not None and low is not None and high is not None
        assert prose.quotes(text.rstrip("↑↓"), [value]), (row.place, metric, text)
        mark = "↑" if low > 0 else "↓" if high < 0 else ""
        assert text == text.rstrip("↑↓") + mark, (row.place, metric, text)


def test_the_sentences_of_the_page_s_output_are_the_quickstart_s() -> None:
    found, told = figures.read("quickstart"), 0
    name = "|".join(map(re.escape, found.listed("method")))
    sentence = re.compile(rf"^  ({name}): (.+?)(?=^  (?:{name}): |^  …|^\n|\Z)", re.M | re.S)
    for test, attribution, validator, lines in sections(found):
        for said in sentence.finditer("\n".join(lines) + "\n"):
            row = found.find((test, "clip", said[1], attribution, validator))
            changes = row.changes.get(figures.ZERO_SHOT, {})
            triples = [*row.values.values(), *changes.values()]
            shares = [share for triple in triples for share in triple if share is not None]
            for number in prose.numbers(" ".join(said[2].split())):
                assert prose.quotes(number, shares), (row.place, number)
                told += 1
    assert told >= 10


def test_the_tables_of_the_documents_are_those_of_the_figures() -> None:
    names = []
    for path in prose.documents():
        for name, rows in tables.held(path.read_text(encoding="utf-8")):
            assert rows == tables.TABLES[name](), f"{path.name}, {name}: scripts/tables.py --write"
            names.append(name)
    assert sorted(names) == sorted(tables.TABLES)


@pytest.fixture
def record(acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    monkeypatch.chdir(tmp_path)
    return rateval.run(
        {
            "study": {"name": "small", "seeds": [0, 1]},
            "dataset": [{"use": "squares"}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": "zs"}, {"use": "lp", "epochs": 1}, {"use": "ft", "epochs": 1}],
            "evidence": [{"use": "relevance-mass"}, {"use": "counterfactual"}],
            "counterfactual": {"donors": 2},
            "run": {"device": "cpu"},
        }
    )


def test_a_run_is_condensed_to_what_it_recorded(record: RunRecord, tmp_path: Path) -> None:
    figures.write(figures.condense(record, ["lp"]), tmp_path / "small.json")
    found = figures.read("small", tmp_path)
    assert (found.study, found.seeds, found.level) == ("small", [0, 1], 0.95)
    assert found.listed("method") == ["zs", "lp", "ft"]
    for result in record.results:
        for evidence in result.evidence:
            key = result.key
            place = (key.dataset, key.model, key.finetuner, key.attribution, evidence.validator)
            row = found.find(place)
            for score in evidence.scores:
                estimate = (score.value.value, score.value.low, score.value.high)
                assert row.values[score.metric] == pytest.approx(estimate, abs=1e-5)
    for pair in record.comparisons:
        if {pair.method.seed, pair.against.seed} != {None} or pair.against.finetuner == "ft":
            continue
        key = pair.method
        place = (key.dataset, key.model, key.finetuner, key.attribution, pair.validator)
        for change in pair.differences:
            triple = found.find(place).changes[pair.against.finetuner][change.metric]
            assert triple == pytest.approx((change.value, change.low, change.high), abs=1e-5)
    one, other = (found.find((*place[:2], method, *place[3:])) for method in ("lp", "zs"))
    for metric, triple in one.changes["zs"].items():
        assert other.changes["lp"][metric] == figures.turned(triple)


def test_answers_to_edits_are_means_over_the_seeds(record: RunRecord) -> None:
    found = figures.condense(record, [])
    compared = 0
    for row in found.rows:
        answers = [
            cell.counterfactual
            for cell in record.cells
            if (cell.key.dataset, cell.key.finetuner) == (row.test, row.method)
        ]
        shares = [one.kept_without_object for one in answers if one is not None]
        known = [share for share in shares if share is not None]
        if known and len(known) == len(shares):
            mean = sum(known) / len(known)
            value, *ends = row.values["kept without object"]
            assert value == pytest.approx(mean, abs=1e-5)
            assert ends == [None, None]
            compared += 1
    assert compared >= 2


def test_a_run_that_has_not_ended_is_refused(
    record: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record.model_copy(update={"status": "running"}).save(tmp_path / "early")
    monkeypatch.setattr(sys, "argv", ["figures.py", str(tmp_path / "early"), "--to", str(tmp_path)])
    with pytest.raises(SystemExit, match="is running"):
        figures.main()
    assert not (tmp_path / "small.json").exists()


def test_rows_of_other_models_are_kept_where_a_run_is_added(record: RunRecord) -> None:
    found = figures.condense(record, [])
    (model,) = found.listed("model")
    other = [dataclasses.replace(row, model="a", values={}) for row in found.rows]
    old = [dataclasses.replace(row, values={}) for row in found.rows]
    both = figures.add(found, dataclasses.replace(found, rows=[*old, *other]))
    assert both.listed("model") == ["a", model]
    assert [row for row in both.rows if row.model == model] == list(found.rows)
    with pytest.raises(SystemExit, match="of other seeds"):
        figures.add(found, dataclasses.replace(found, seeds=[7]))


def test_nothing_of_the_machine_is_kept(record: RunRecord, tmp_path: Path) -> None:
    figures.write(figures.condense(record, []), tmp_path / "small.json")
    text = (tmp_path / "small.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert record.started not in text

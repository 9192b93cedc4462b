"""Studies with [counterfactual], from spec to report and through what goes wrong."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import rateval as package
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.store.rows import read_masks

Rateval = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("acme")

CAUSES = """
    [[evidence]]
    use = "relevance-mass"
    [[evidence]]
    use = "counterfactual"
    [[metric]]
    use = "accuracy"
    [[metric]]
    use = "pt"
    [[metric]]
    use = "ir"
    [[metric]]
    use = "right-for-the-object"
    [[metric]]
    use = "looks-right-is-not"
    [counterfactual]
    """


def write_spec(
    changes: str = CAUSES, data: str = "", run: str = "batch_size = 5", *, method: bool = True
) -> str:
    tuned = '[[finetune]]\nuse = "ft"\nepochs = 1\nbatch_size = 8' if method else ""
    text = f"""
        [study]
        name = "causes"
        [[dataset]]
        use = "squares"
        test = 30
        {data}
        [[model]]
        use = "tiny"
        [[finetune]]
        use = "zs"
        {tuned}
        {changes}
        [run]
        device = "cpu"
        {run}
        """
    Path("spec.toml").write_text(text)
    return "spec.toml"


def newest(output: str = "runs") -> RunRecord:
    return package.load(max(Path(output).glob("causes-*"), key=lambda path: path.name))


def count(record: RunRecord, cell: CellRecord, validator: str) -> dict[str, tuple[int, int]]:
    """Count all scores one image after the other."""
    rows = record.rows(cell, validator).to_pylist()
    answers = record.answers(cell).to_pylist()
    assert [row["id"] for row in rows] == [answer["id"] for answer in answers]
    found = dict.fromkeys(("accuracy", "pt", "ir", "right-for-the-object", "looks"), (0, 0))

    def add(name: str, above: bool, below: bool) -> None:
        found[name] = found[name][0] + (above and below), found[name][1] + below

    for row, answer in zip(rows, answers, strict=True):
        known = answer["undefined"] is None
        causal = known and answer["kept_on_object"] >= 0.5 and not answer["kept_without_object"]
        if validator == "counterfactual":
            assert row["valid"] == causal
        judged = known if validator == "counterfactual" else row["mask_area"] is not None
        right = row["correct"]
        add("accuracy", right, True)
        add("pt", row["valid"], right and judged)
        add("ir", right, row["valid"] and judged)
        add("right-for-the-object", right and causal, True)
        add("looks", row["valid"] and not causal, right and known and judged)
    return {name.replace("looks", "looks-right-is-not"): pair for name, pair in found.items()}


def test_every_score_is_what_one_image_after_the_other_gives(rateval: Rateval) -> None:
    assert rateval("run", write_spec(data="bare_every = 3")).code == 0
    record = newest()
    for cell in record.cells:
        for evidence in cell.evidence:
            expected = count(record, cell, evidence.validator)
            if evidence.validator == "counterfactual":  # nothing to compare a verdict by edits with
                del expected["looks-right-is-not"]
            assert [score.metric for score in evidence.scores] == list(expected)
            for score in evidence.scores:
                pair = score.value.numerator, score.value.denominator
                assert pair == expected[score.metric], (evidence.validator, score.metric)
                if cell.trained and score.change is not None:
                    assert score.change.low is not None
        found = cell.counterfactual
        assert found is not None
        answers = record.answers(cell).to_pylist()
        right = [a for a in answers if a["undefined"] is None and a["correct"]]
        assert (found.count, found.right, found.undefined) == (30, len(right), {"no mask": 10})
        for name in ("kept_on_object", "kept_without_object", "gap"):
            mean = np.mean([answer[name] for answer in right])
            assert getattr(found, name) == pytest.approx(mean, abs=1e-6)
    causal = [e for e in record.cells[0].evidence if e.validator == "counterfactual"]
    assert causal[0].quadrants["RU"] + causal[0].quadrants["WU"] == 10


def test_a_record_that_is_written_on_the_way_leaves_no_gap(
    rateval: Rateval, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(0.0, 1e6)  # as if each step took days, so that each is written down
    journal = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("rateval.engine.telling.journal.time", journal)
    assert rateval("run", write_spec()).code == 0
    for cell in newest().cells:
        for evidence in cell.evidence if cell.trained else ():
            for score in evidence.scores:
                defined = score.change is not None
                known = score.change is not None and score.change.low is not None
                assert known == defined, (evidence.validator, score.metric)


def test_it_is_added_to_a_finished_study_without_predicting_again(rateval: Rateval) -> None:
    assert rateval("run", write_spec("")).code == 0
    before = newest()
    assert all(cell.counterfactual is None for cell in before.cells)
    assert rateval("run", write_spec()).code == 0
    after = newest()
    done = {stage.stage for stage in after.stages if not stage.reused}
    assert done == {"load", "counterfactual", "judge", "score", "pictures"}
    judged = [s for s in after.stages if s.stage == "judge" and "relevance-mass" in s.label]
    assert all(stage.reused for stage in judged)
    # Another threshold asks no model.
    assert rateval("run", write_spec(CAUSES + "keep = 1.0")).code == 0
    stricter = newest()
    anew = {s.stage for s in stricter.stages if not s.reused}
    assert anew == {"judge", "score", "pictures"}
    shares = [
        [e.score("right-for-the-object") for c in run.cells for e in c.evidence]
        for run in (after, stricter)
    ]
    for lenient, strict in zip(*shares, strict=True):
        assert lenient is not None and strict is not None
        assert (strict.value.numerator or 0) <= (lenient.value.numerator or 0)


def test_batches_and_shards_change_nothing(rateval: Rateval) -> None:
    def answers(run: str) -> list[dict[str, list[Any]]]:
        output = f"runs-{run[-1]}"
        assert rateval("run", write_spec(run=run), "--output", output).code == 0
        record = newest(output)
        return [record.answers(cell).to_pydict() for cell in record.cells]

    first = answers("batch_size = 7")
    second = answers("batch_size = 3\n        shard_size = 11")
    third = answers("batch_size = 64\n        readers = 2")
    for other in (second, third):
        for one, two in zip(first, other, strict=True):
            gaps = np.array(one.pop("gap")), np.array(two.pop("gap"))
            assert one == two
            assert np.allclose(*gaps, atol=1e-5)
            one["gap"] = gaps[0].tolist()


def test_maps_exchanged_change_nothing_that_speaks_of_causes(rateval: Rateval) -> None:
    assert rateval("run", write_spec("", method=False)).code == 0
    first = newest()
    (cell,) = first.cells
    _, rows, columns = first.relevance(cell).shape
    (ids, masks, _), *_ = read_masks(Path("runs/store/infer") / cell.identity, 30)
    height, width = masks.shape[1] // rows, masks.shape[2] // columns
    inside = masks.reshape(len(ids), rows, height, columns, width).mean(axis=(2, 4))
    found = []
    for name, maps in (("good", inside), ("bad", 1 - inside)):
        np.savez(f"{name}.npz", ids=ids, relevance=maps.astype(np.float32))
        lines = f'[[attribution]]\nuse = "precomputed"\nname = "maps"\npath = "{name}.npz"\n'
        done = rateval("run", write_spec(lines + CAUSES, method=False))
        assert done.code == 0, done.err
        (cell,) = newest().cells
        by_map, by_cause = cell.evidence
        of_causes = [score.value for score in by_cause.scores], by_map.score("right-for-the-object")
        found.append((cell.counterfactual, by_cause.quadrants, of_causes, by_map.quadrants))
    good, bad = found
    assert good[:3] == bad[:3]
    valid, valid_as_well = (states["RR"] + states["WR"] for *_, states in found)
    assert valid > 15 > valid_as_well


def test_what_fails_takes_down_what_needs_it_alone(
    rateval: Rateval, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("no edit")

    with monkeypatch.context() as patched:
        patched.setattr("rateval.stages.counterfactual._ask", fail)
        done = rateval("run", write_spec())
    assert done.code == 1
    record = newest()
    assert {failure.stage for failure in record.failures} == {"counterfactual"}
    for cell in record.cells:
        (by_map,) = cell.evidence
        assert [score.metric for score in by_map.scores] == ["accuracy", "pt", "ir"]
        assert cell.counterfactual is None
    assert "ZeroDivisionError: no edit" in done.out
    assert rateval("run", "spec.toml").code == 0
    assert all(len(cell.evidence) == 2 for cell in newest().cells)


def test_explainers_share_the_answers_and_are_not_compared_by_them(rateval: Rateval) -> None:
    two = """
        [[attribution]]
        use = "generic-attention"
        [[attribution]]
        use = "center-prior"
        """
    assert rateval("run", write_spec(two + CAUSES)).code == 0
    record = newest()
    asked = [stage for stage in record.stages if stage.stage == "counterfactual"]
    assert [stage.label for stage in asked] == ["tiny · zs on squares", "tiny · ft on squares"]
    assert len({cell.counterfactual.identity for cell in record.cells if cell.counterfactual}) == 2
    assert all(len(found.verdicts) == 1 for found in record.agreements)


@pytest.mark.parametrize("use", ["counterfactual", "right-for-the-object", "looks-right-is-not"])
def test_what_needs_edits_asks_for_the_table(rateval: Rateval, use: str) -> None:
    table = "evidence" if use == "counterfactual" else "metric"
    done = rateval("validate", write_spec(f'[[{table}]]\nuse = "{use}"'))
    assert done.code == 2
    assert f'spec.toml: {table}[0].use = "{use}": needs predictions under edits' in done.err
    assert "add the table [counterfactual]" in " ".join(done.err.split())


def test_all_that_is_wrong_with_the_table_is_said_at_once(rateval: Rateval) -> None:
    wrong = 'donors = 0\nbackground = "swapped"\nkeep = 0\nobjects = "grey"'
    done = rateval("validate", write_spec(f"[counterfactual]\n{wrong}"))
    assert done.code == 2
    said = " ".join(done.err.split())
    assert "counterfactual.donors = 0: must be greater than or equal to 1" in said
    assert 'counterfactual.background = "swapped": must be' in said
    assert "counterfactual.keep = 0: must be greater than 0" in said
    assert 'counterfactual.objects: unknown key; did you mean "object"?' in said


def test_a_missing_library_is_said_before_anything_is_done(
    rateval: Rateval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rateval.plan.checks.edits.find_spec",
        lambda name: None if name == "cv2" else find_spec(name),
    )
    done = rateval("validate", write_spec())
    assert done.code == 2
    said = " ".join(done.err.split())
    for key in ('background = "swap"', 'object = "inpaint"'):
        assert f"spec.toml: counterfactual.{key}: needs OpenCV (cv2)" in said
    assert "pip install 'rateval[counterfactual]'" in said
    grey = '[counterfactual]\nbackground = "grey"\nobject = "blur"'
    assert rateval("validate", write_spec(grey)).code == 0


def test_grey_and_blur_need_no_donors(rateval: Rateval) -> None:
    for options in ('background = "grey"\nobject = "grey"', 'background = "blur"\nobject = "blur"'):
        assert rateval("run", write_spec(CAUSES + options)).code == 0
        found = newest().cells[0].counterfactual
        assert found is not None
        assert (found.pool, found.fewer_donors, found.count) == (0, 0, 30)


def test_the_report_names_whose_maps_look_right(rateval: Rateval) -> None:
    assert rateval("run", write_spec(CAUSES + "flag_above = 0.0")).code == 0
    record = newest()
    scores = [cell.evidence[0].score("looks-right-is-not") for cell in record.cells]
    shares = [score.value.value for score in scores if score is not None]
    done = rateval("report", str(record.path))
    assert ("looks right, is not:" in done.out) == any(share or 0 for share in shares)
    shutil.rmtree("runs")
    assert rateval("run", write_spec(CAUSES + "flag_above = 1.0")).code == 0
    assert "looks right, is not:" not in rateval("report", str(newest().path)).out


ON_OBJECT = """
import torch
from rateval.api import Verdict

class OnObject:
    def __init__(self, broken):
        self.broken = broken

    def judge(self, answers):
        kept = answers["kept_on_object"]
        valid = kept >= 0.75
        defined = torch.ones_like(valid)
        if self.broken:
            defined = torch.zeros_like(valid)
        return Verdict(kept.clone(), valid, defined, ("",) * len(kept))

def make():
    return OnObject(broken=False)

make_needs = "predictions under edits"

def broken():
    return OnObject(broken=True)

broken_needs = "predictions under edits"

def odd():
    return OnObject(broken=False)

odd_needs = "relevance under edits"
"""


def test_a_validator_of_edits_may_be_a_function_in_a_file(rateval: Rateval) -> None:
    Path("mine.py").write_text(ON_OBJECT)
    mine = '[[evidence]]\nuse = "./mine.py:make"\nname = "on object"\n[counterfactual]\n'
    assert rateval("run", write_spec(mine)).code == 0
    record = newest()
    for cell in record.cells:
        kept = [a["kept_on_object"] >= 0.75 for a in record.answers(cell).to_pylist()]
        assert record.rows(cell)["valid"].to_pylist() == kept
    done = rateval("run", write_spec(mine.replace(":make", ":broken")))
    assert done.code == 1
    assert "called evidence valid where its score is undefined" in " ".join(done.out.split())
    assert {failure.stage for failure in newest().failures} == {"judge"}
    done = rateval("validate", write_spec(mine.replace(":make", ":odd")))
    assert done.code == 2
    assert "odd_needs is 'relevance under edits'; it may be" in " ".join(done.err.split())
    done = rateval("validate", write_spec(mine.replace("[counterfactual]", "")))
    assert "needs predictions under edits" in " ".join(done.err.split())


def test_held_out_scores_leave_edits_out(rateval: Rateval) -> None:
    first = '[[evidence]]\nuse = "counterfactual"\n' + CAUSES.replace(
        '[[evidence]]\n    use = "counterfactual"', ""
    )
    assert rateval("run", write_spec(first + "[held_out]\nimages = 6")).code == 0
    (training,) = newest().trainings
    assert set(training.epochs[0].held_out) == {"accuracy", "pt", "ir"}


TWO = """
    [[attribution]]
    use = "generic-attention"
    [[attribution]]
    use = "center-prior"
    """


def test_causes_have_one_table_whatever_explains(rateval: Rateval) -> None:
    assert rateval("run", write_spec(TWO + CAUSES)).code == 0
    record = newest()
    shown = rateval("report", str(record.path)).out.splitlines()
    titles = [line for line in shown if line.startswith("squares  30 test images")]
    assert [title.split(" · ", 1)[1] for title in titles] == [
        "generic-attention · relevance-mass",
        "center-prior · relevance-mass",
        "counterfactual",
    ]
    heads = [shown[shown.index(title) + 1] for title in titles]
    assert ["looks" in head for head in heads] == [True, True, False]
    assert all("object" in head for head in heads)
    of_causes = shown[shown.index(titles[2]) + 3]
    score = record.cells[0].evidence[1].score("pt")
    assert score is not None and score.value.value is not None
    assert f"{100 * score.value.value:.1f}" in of_causes.split()
    assert sum("ft: accuracy" in line for line in shown) == 1


def test_causes_are_shown_by_what_is_there(rateval: Rateval) -> None:
    """Where the first explainer fails, the second one's cells have the same causes."""
    broken = TWO.replace("generic-attention", "explode")
    Path("explode.py").write_text(
        "class Explode:\n"
        "    def explain(self, classifier, images, labels, ids):\n"
        "        raise ZeroDivisionError('boom')\n"
        "def explode():\n"
        "    return Explode()\n"
    )
    broken = broken.replace('"explode"', '"./explode.py:explode"\n    name = "explode"')
    assert rateval("run", write_spec(broken + CAUSES)).code == 1
    record = newest()
    assert {cell.key.attribution for cell in record.cells} == {"center-prior"}
    assert all(len(cell.evidence) == 2 for cell in record.cells)
    shown = rateval("report", str(record.path)).out.splitlines()
    start = shown.index("squares  30 test images · counterfactual")
    assert not any("failed" in line for line in shown[start : start + 5])


def test_masks_that_are_boxes_are_told_of_once(rateval: Rateval) -> None:
    assert rateval("run", write_spec(TWO + CAUSES)).code == 0
    record = newest()
    for cell in record.cells:
        assert cell.counterfactual is not None
        assert cell.counterfactual.rectangles == 30
    said = " ".join(rateval("report", str(record.path)).out.split())
    assert said.count("squares: 30 of 30 masks are rectangles; where they are boxes") == 1


def test_masks_that_are_no_boxes_are_not_told_of(rateval: Rateval) -> None:
    drawn = write_spec(CAUSES.replace("PT", ""), method=False)
    text = Path(drawn).read_text().replace('"squares"', '"shapes"\n        name = "squares"')
    text = text.replace("test = 30", "test_size = 30").replace('"tiny"', '"clip"')
    Path(drawn).write_text(text)
    assert rateval("run", drawn).code == 0
    found = newest().cells[0].counterfactual
    assert found is not None and found.rectangles == 0
    assert "are rectangles" not in rateval("report", str(newest().path)).out


def test_answers_are_those_of_the_rows_and_those_that_are_asked_for(
    rateval: Rateval, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rateval("run", write_spec()).code == 0
    first = newest()
    monkeypatch.setattr(
        "rateval.engine.doing.evaluating.Evaluating._read_predictions", lambda *_: {}
    )
    assert rateval("run", write_spec(), "--output", "alone").code == 0
    for one, other in zip(first.cells, newest("alone").cells, strict=True):
        answers = first.answers(one).to_pydict()
        assert answers == newest("alone").answers(other).to_pydict()
        assert answers["prediction"] == first.rows(one)["prediction"].to_pylist()

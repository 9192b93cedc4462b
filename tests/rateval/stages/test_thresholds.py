"""Counts by threshold and by chance, against loops over images in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from rateval.api.protocols import Validator
from rateval.api.values import Verdict
from rateval.progress import Reporter
from rateval.records.facts import ThresholdsFacts
from rateval.stages.judge import judge
from rateval.stages.thresholds import Ruling, thresholds
from rateval.store import rows as tables
from rateval.store.tables.curves import read_curves
from rateval.workbench.verdicts.chance import Priors, draw_pairs

from .scenes import Scenes, make, mass


def compute(
    folder: Path,
    validator: Validator,
    threshold: float | None,
    batch_size: int = 64,
    name: str = "counted",
) -> tuple[ThresholdsFacts, Path, Path]:
    judged, counted = folder.with_name(f"{name} judged"), folder.with_name(name)
    judged.mkdir()
    counted.mkdir()
    with Reporter().watch("judge", "") as monitor:
        judge(validator, folder, batch_size, monitor, judged, "cpu")
    with Reporter().watch("thresholds", "") as monitor:
        facts = thresholds(
            Ruling(validator, "v", threshold),
            folder,
            judged,
            Priors(),
            batch_size,
            "cpu",
            monitor,
            counted,
        )
    return facts, judged, counted


def test_curves_equal_a_recount_of_the_rows(tmp_path: Path) -> None:
    scenes = Scenes(40)
    scenes.present[3] = scenes.present[4] = False
    scenes.masks[5] = False  # nothing of the object is left: known, and never valid
    scenes.maps[6] = 0.5  # a constant map has no score
    facts, judged, counted = compute(scenes.write(tmp_path / "inferred"), make(0.3337), 0.3337)
    table = read_curves(counted)
    by = table.column("threshold").to_pylist()
    assert by == sorted({*(step / 1000 for step in range(1001)), 0.3337})
    scores = pq.read_table(judged / tables.ROWS).column("score").to_pylist()
    known = [place for place in range(40) if scenes.present[place]]
    for name, right in (("correct", True), ("wrong", False)):
        among = [scores[place] for place in known if bool(scenes.correct[place]) is right]
        assert set(table.column(f"{name}_total").to_pylist()) == {len(among)}
        expected = [
            sum(1 for score in among if score is not None and score >= np.float32(tau))
            for tau in by
        ]
        assert table.column(name).to_pylist() == expected
    valid = pq.read_table(judged / tables.ROWS).column("valid").to_numpy()
    own = table.filter(pa.array([tau == 0.3337 for tau in by])).to_pylist()[0]
    assert own["correct"] == int((valid & scenes.correct).sum())
    assert own["wrong"] == int((valid & ~scenes.correct).sum())
    assert facts.rule == "at least"
    defined = [score for score in scores if score is not None]
    assert facts.mean_score.count == len(defined) == 36
    assert facts.mean_score.value == pytest.approx(np.mean(defined))
    assert facts.mean_score.sd == pytest.approx(np.std(defined, ddof=1))


def test_chance_equals_loops_over_pairs(tmp_path: Path) -> None:
    scenes = Scenes(60, seed=1)
    scenes.present[7] = False
    facts, _, counted = compute(scenes.write(tmp_path / "inferred"), make(0.4), 0.4)
    known = [place for place in range(60) if place != 7]
    pairs = [(known[i], known[j]) for i, j in draw_pairs([scenes.ids[at] for at in known])]
    assert len(set(pairs)) == len(pairs) == 2000
    others = [mass(scenes.maps[j], scenes.masks[i]) for i, j in pairs]
    y, x = np.meshgrid(np.arange(3) * 4 + 2 - 6, np.arange(4) * 4 + 2 - 8, indexing="ij")
    bump = np.exp(-(y**2 + x**2) / (2 * 3.0**2))
    centre = [mass((bump / bump.max()).astype(np.float16), scenes.masks[at]) for at in known]
    for found, scores in ((facts.others, others), (facts.centre, centre)):
        assert min(abs(score - 0.4) for score in scores) > 1e-6  # rounding decides none of them
        assert found.numerator == sum(score >= 0.4 for score in scores)
        assert found.denominator == len(scores)
    assert (facts.uniform.numerator, facts.uniform.denominator) == (0, 59)
    assert facts.uniform.undefined == 59
    rows = read_curves(counted).to_pylist()
    for row in rows[:1000:50]:
        for name, scores in (("others", others), ("centre", centre), ("uniform", [])):
            close = sum(abs(score - row["threshold"]) < 1e-6 for score in scores)
            assert abs(row[name] - sum(score >= row["threshold"] for score in scores)) <= close


def test_neither_batch_nor_order_decides_chance(tmp_path: Path) -> None:
    scenes = Scenes(50, seed=2)
    shuffled = np.random.default_rng(3).permutation(50).tolist()
    first = compute(scenes.write(tmp_path / "a"), make(0.4), 0.4, 64, "a counted")
    small = compute(tmp_path / "a", make(0.4), 0.4, 3, "small counted")
    other = compute(scenes.write(tmp_path / "b", shuffled), make(0.4), 0.4, 16, "b counted")
    assert first[0].others.numerator > 0
    assert first[0] == small[0]
    assert first[0].model_dump(exclude={"mean_score"}) == other[0].model_dump(
        exclude={"mean_score"}
    )
    assert read_curves(first[2]).equals(read_curves(small[2]))
    assert read_curves(first[2]).equals(read_curves(other[2]))


def test_every_image_is_drawn_alike() -> None:
    pairs = draw_pairs([str(number) for number in range(300)])
    assert len(pairs) == 2000
    assert (pairs[:, 0] != pairs[:, 1]).all()
    for side in pairs.T:
        counts = np.bincount(side, minlength=300)
        assert counts.min() >= 6
        assert counts.max() <= 7
    many = draw_pairs([str(number) for number in range(3000)])
    assert len(set(many[:, 0])) == len(set(many[:, 1])) == 2000


@pytest.mark.parametrize(("count", "masks", "others", "priors"), [(1, 1, 0, 1), (3, 0, 0, 0)])
def test_too_few_masks_have_no_chance(
    count: int, masks: int, others: int, priors: int, tmp_path: Path
) -> None:
    scenes = Scenes(count)
    scenes.present = [place < masks for place in range(count)]
    facts, _, counted = compute(scenes.write(tmp_path / "inferred"), make(0.5), 0.5)
    assert facts.others.denominator == others
    assert facts.uniform.denominator == facts.centre.denominator == priors
    totals = read_curves(counted).to_pylist()[0]
    assert totals["correct_total"] + totals["wrong_total"] == masks


class Ruled:
    """Score a map by its mean, and judge it by some rule."""

    def __init__(self, rule: str, factor: float = 1.0) -> None:
        self.rule, self.factor = rule, factor

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        score = (relevance.mean((1, 2)) * self.factor * 4).round() / 4  # many are 0.5
        valid = {"above": score > 0.5, "below": score < 0.5, "reach": score >= 0.5}[self.rule]
        yes = torch.ones(len(score), dtype=torch.bool)
        return Verdict(score, valid, yes, ("",) * len(score))


def test_the_validators_own_rule_is_found(tmp_path: Path) -> None:
    facts, judged, counted = compute(Scenes(40).write(tmp_path / "inferred"), Ruled("above"), 0.5)
    assert facts.rule == "above"
    own = read_curves(counted).to_pylist()[500]
    valid = pq.read_table(judged / tables.ROWS).column("valid").to_pylist()
    assert own["threshold"] == 0.5
    assert own["correct"] + own["wrong"] == sum(valid) < 40
    assert own["uniform"] == own["uniform_total"] == 40


@pytest.mark.parametrize(
    ("validator", "threshold", "why"),
    [
        (Ruled("reach"), None, 'it has no param "threshold"'),
        (Ruled("reach"), 1.5, "its threshold of 1.5 is not between 0 and 1"),
        (Ruled("reach", 9.0), 0.5, "it gives scores above 1"),
        (
            Ruled("below"),
            0.5,
            "its verdicts do not follow from its scores and its threshold of 0.5",
        ),
    ],
)
def test_without_a_rule_there_is_chance_and_no_curve(
    validator: Validator, threshold: float | None, why: str, tmp_path: Path
) -> None:
    facts, _, counted = compute(Scenes(9).write(tmp_path / "inferred"), validator, threshold)
    assert facts.no_curves == why
    assert facts.rule is None
    assert list(counted.iterdir()) == []
    assert facts.others.denominator == 72


def test_methods_of_one_test_share_what_no_model_made(tmp_path: Path) -> None:
    class Counting(Ruled):
        seen = 0

        def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
            self.seen += len(relevance)
            return super().judge(relevance, masks)

    validator, priors = Counting("reach"), Priors()
    scenes = Scenes(20)
    for name in ("first", "second"):
        scenes.maps = scenes.maps[::-1].copy()
        folder, judged = scenes.write(tmp_path / name), tmp_path / f"{name} judged"
        judged.mkdir()
        with Reporter().watch("judge", "") as monitor:
            judge(validator, folder, 8, monitor, judged, "cpu")
            before = validator.seen
            ruling = Ruling(validator, "v", 0.5)
            out = tmp_path / f"{name} counted"
            out.mkdir()
            thresholds(ruling, folder, judged, priors, 8, "cpu", monitor, out)
    assert validator.seen - before == 20 * 19  # other images' maps alone

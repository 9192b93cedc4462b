"""Whole runs over several seeds: what is repeated, what is shared, and what is made of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rateval
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord

SHAPES = {"use": "shapes", "train_size": 20, "test_size": 16}
FIXED = SHAPES | {"seed": 7}
FT = {"use": "ft", "epochs": 1, "lr": 0.01, "batch_size": 8}
MAPS = {"use": "generic-attention", "name": "maps"}
RANDOM = {"use": "random"}


def spec(*seeds: int, **changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny", "seeds": list(seeds)},
        "dataset": [SHAPES],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, FT],
        "attribution": [MAPS],
        "evidence": [{"use": "relevance-mass", "threshold": 0.2}],
        "run": {"device": "cpu"},
    } | changes


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def labels(record: RunRecord, stage: str, *, reused: bool = False) -> list[str]:
    return [s.label for s in record.stages if s.stage == stage and s.reused == reused]


def by_seed(record: RunRecord, finetuner: str) -> dict[int | None, CellRecord]:
    return {cell.key.seed: cell for cell in record.cells if cell.key.finetuner == finetuner}


def test_each_seed_gives_what_a_study_of_that_seed_alone_gives() -> None:
    several = rateval.run(spec(0, 1), output="several")
    alone = [
        rateval.run(spec(study={"name": "tiny", "seed": seed}), output="alone") for seed in (0, 1)
    ]
    for seed, single in enumerate(alone):
        assert not any(stage.reused for stage in single.stages if stage.label.endswith("ft"))
        for cell in single.cells:
            same = by_seed(several, cell.key.finetuner)[seed]
            assert same == cell
            assert several.rows(same).equals(single.rows(cell))
            assert np.array_equal(several.relevance(same), single.relevance(cell))
        assert single.over_seeds == ()
    rows = [several.rows(cell)["probabilities"] for cell in by_seed(several, "ft").values()]
    assert not rows[0].equals(rows[1])


def test_results_are_shared_with_studies_of_fewer_seeds() -> None:
    rateval.run(spec(study={"name": "tiny", "seed": 1}))
    record = rateval.run(spec(0, 1))
    assert labels(record, "finetune") == ["tiny · ft, seed 0"]
    assert set(labels(record, "infer")) == {
        "tiny · zs on shapes, seed 0",
        "tiny · ft on shapes, seed 0",
    }
    again = rateval.run(spec(1, 0))
    assert all(stage.reused for stage in again.stages)
    assert again.seeds == (1, 0)
    assert [cell.key.seed for cell in again.cells] == [1, 0, 1, 0]


def test_zero_shot_on_fixed_data_is_computed_once() -> None:
    record = rateval.run(spec(0, 1, 2, dataset=[FIXED]))
    assert Counter((cell.key.finetuner, cell.key.seed) for cell in record.cells) == Counter(
        [("zs", None), ("ft", 0), ("ft", 1), ("ft", 2)]
    )
    assert labels(record, "infer") == [
        "tiny · zs on shapes",
        *(f"tiny · ft on shapes, seed {seed}" for seed in range(3)),
    ]
    assert labels(record, "finetune") == [
        "tiny · zs",
        *(f"tiny · ft, seed {seed}" for seed in range(3)),
    ]
    assert [(data.name, data.seed) for data in record.datasets] == [("shapes", None)]
    before = record.cells[0].evidence[0].scores[0].value.value
    assert before is not None
    for cell in record.cells[1:]:
        after = cell.evidence[0].scores[0]
        assert after.value.value is not None
        assert after.change is not None
        assert after.change.value == pytest.approx(after.value.value - before)


def test_changes_are_taken_by_the_same_seed() -> None:
    seeds = (0, 1, 2)
    record = rateval.run(spec(*seeds))
    before, after = by_seed(record, "zs"), by_seed(record, "ft")
    # Zero-shot differs between seeds, so that the wrong one would show below.
    assert len({cell.evidence[0].scores[2].value.value for cell in before.values()}) == len(seeds)
    for seed in seeds:
        for first, second in zip(
            before[seed].evidence[0].scores, after[seed].evidence[0].scores, strict=True
        ):
            assert first.change is None
            old, new = first.value.value, second.value.value
            if old is None or new is None:
                assert second.change is None
            else:
                assert second.change is not None
                assert second.change.value == pytest.approx(new - old)
    identities = {data.seed: data.test_identity for data in record.datasets}
    assert tuple(identities) == seeds
    assert len(set(identities.values())) == len(seeds)


def test_only_the_attribution_depends_on_the_seed() -> None:
    fixed = {"dataset": [FIXED], "finetune": [{"use": "zs"}, FT | {"seed": 3}]}
    record = rateval.run(spec(0, 1, attribution=[RANDOM, MAPS], **fixed))
    assert labels(record, "finetune") == ["tiny · zs", "tiny · ft"]
    assert len(labels(record, "infer")) == 6
    drawn = [c for c in record.cells if (c.key.finetuner, c.key.attribution) == ("ft", "random")]
    assert [cell.key.seed for cell in drawn] == [0, 1]
    first, second = (record.rows(cell) for cell in drawn)
    assert first["probabilities"].equals(second["probabilities"])
    assert not np.array_equal(record.relevance(drawn[0]), record.relevance(drawn[1]))


def test_over_seeds_equals_the_cells() -> None:
    record = rateval.run(spec(0, 1, 2, dataset=[FIXED]))
    zero_shot, tuned = record.over_seeds
    assert (zero_shot.seeds, tuned.seeds) == ((), (0, 1, 2))
    cells = list(by_seed(record, "ft").values())
    for index, score in enumerate(tuned.evidence[0].scores):
        values = [cell.evidence[0].scores[index].value.value for cell in cells]
        assert score.value.values == tuple(values)
        defined = [value for value in values if value is not None]
        assert score.value.count == len(defined)
        assert score.value.value == pytest.approx(np.mean(defined))
        assert score.value.sd == pytest.approx(np.std(defined, ddof=1))
        changes = [cell.evidence[0].scores[index].change for cell in cells]
        assert score.change is not None
        assert score.change.values == tuple(change and change.value for change in changes)
    counts = [sum(cell.evidence[0].quadrants.values()) for cell in cells]
    assert sum(tuned.evidence[0].quadrants.values()) == pytest.approx(np.mean(counts))
    assert rateval.load(record.path) == record


def test_agreement_takes_the_images_of_all_seeds() -> None:
    attributions = [RANDOM, MAPS]
    one, two = (rateval.run(spec(seed, attribution=attributions)).agreements[1] for seed in (0, 1))
    both = rateval.run(spec(0, 1, attribution=attributions))
    assert [
        (a.first.finetuner, a.first.attribution, a.second.attribution) for a in both.agreements
    ] == [
        ("zs", "random", "maps"),
        ("ft", "random", "maps"),
    ]
    pooled = both.agreements[1]
    assert pooled.count == one.count + two.count == 32
    assert one.correlation is not None
    assert two.correlation is not None
    assert pooled.correlation == pytest.approx((one.correlation + two.correlation) / 2)
    found, first, second = (a.verdicts[0] for a in (pooled, one, two))
    assert found.numerator == first.numerator + second.numerator
    assert found.value == found.numerator / 32


def test_a_map_that_depends_on_no_seed_is_compared_with_that_of_each() -> None:
    record = rateval.run(
        spec(0, 1, dataset=[FIXED], finetune=[{"use": "zs"}], attribution=[RANDOM, MAPS])
    )
    assert [(c.key.attribution, c.key.seed) for c in record.cells] == [
        ("random", 0),
        ("maps", None),
        ("random", 1),
    ]
    (agreement,) = record.agreements
    assert (agreement.first.attribution, agreement.second.attribution, agreement.count) == (
        "random",
        "maps",
        32,
    )


def test_the_resolved_spec_names_the_seeds_where_they_count() -> None:
    resolved = rateval.run(spec(4, 2, dataset=[SHAPES, FIXED | {"name": "fixed"}])).spec_resolved
    assert resolved["study"] == {"name": "tiny", "seeds": [4, 2], "protocol": "matched"}
    drawn, fixed = resolved["dataset"]
    assert drawn["seeds"] == [4, 2]
    assert "seed" not in drawn
    assert not {"seed", "seeds"} & set(fixed)
    single = rateval.run(spec(4)).spec_resolved
    assert (single["study"]["seeds"], single["dataset"][0]["seed"]) == ([4], 4)


def test_an_interrupted_study_tells_the_seeds_it_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    from rateval.stages.infer import infer as real

    calls: list[int] = []

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rateval.run(spec(0, 1, 2))
    (folder,) = Path("runs").glob("tiny-*")
    half = rateval.load(folder)
    assert [(cell.key.finetuner, cell.seeds) for cell in half.over_seeds] == [
        ("zs", (0, 1, 2)),
        ("ft", (0,)),
    ]
    accuracy = half.over_seeds[1].evidence[0].scores[0]
    (first,) = [cell for cell in half.cells if cell.key.finetuner == "ft"]
    alone = first.evidence[0].scores[0].value  # one seed leaves open what its images do
    assert (accuracy.value.count, accuracy.value.sd) == (1, None)
    assert (accuracy.value.low, accuracy.value.high) == (alone.low, alone.high)

"""The sentences below a report's tables."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from rateval.records.explainers import RankingChangeRecord
from rateval.records.run import LOG_NAME, RunRecord
from rateval.report.rows import WIDE_OVER_SEEDS, headings

FEW_SEEDS = 3
"""Number of seeds below which an interval is so wide that the report says so."""


def explain_seeds(record: RunRecord) -> Iterator[str]:
    """Yield which seeds are missing, and that few of them say little."""
    asked = len(record.seeds)
    failed = {key for failure in record.failures for key in failure.cells}
    for cell in record.over_seeds:
        if 0 < len(cell.seeds) < asked:
            missing = {
                cell.key.model_copy(update={"seed": seed})
                for seed in record.seeds
                if seed not in cell.seeds
            }
            if missing <= failed:
                why = "failed"
            else:
                why = "failed or were not reached" if missing & failed else "were not reached"
            yield (
                f"{cell.key.text(attribution=True)}: "
                f"mean of {len(cell.seeds)} of the {asked} seeds, the others {why}"
            )
    if 1 < asked < FEW_SEEDS:
        yield (
            f"{asked} seeds: an interval over so few is very wide, and hardly tells methods apart; "
            f"take {FEW_SEEDS} or more"
        )


def explain_protocol(record: RunRecord) -> Iterator[str]:
    """Yield what the published procedure changed; nothing for a run by ``matched``."""
    if record.protocol == "matched":
        return
    yield f"protocol {record.protocol}, as published, which differs from matched here:"
    yield from (f"  · {difference}" for difference in record.differences or ("in nothing",))
    yield f"rateval parity {quote(record.spec_name)} shows the matched numbers beside these"


def explain_columns(record: RunRecord, *, wide: bool) -> Iterator[tuple[str, str]]:
    """Yield what the columns mean."""
    shown = headings(record).values()
    if "PT" in shown:
        yield "PT", "of the correct predictions, the share on valid evidence, RR/(RR+RW)"
    if "IR" in shown:
        yield "IR", "of the predictions on valid evidence, the correct share, RR/(RR+WR)"
    several = len(record.seeds) > 1
    if several:
        yield "numbers", "in %, mean over the seeds where the number is defined"
    if wide or not several:
        counted = "images, mean over the seeds" if several else "images"
        known = ", where there is a mask" if _lacks_some_mask(record) else ""
        yield "RR…WW", f"{counted}: Right or Wrong prediction, then Right or Wrong evidence{known}"
    if all(cell.trained for cell in record.cells):
        yield "Δ zs", f"nothing is shown: {_whole(record)} has no zero-shot row to compare with"
    elif several:
        yield (
            "Δ zs",
            "points of change against zero-shot on the same test by the same seed, mean over the "
            "seeds; *: its 95 % interval over the seeds, as below, leaves out 0",
        )
    else:
        yield "Δ zs", "points of change against the zero-shot row of the same test"
    if several:
        yield from _explain_spread(wide=wide)
    elif wide:
        yield "95 %", "Wilson interval over the images alone; another seed may differ by more"
    else:
        yield "95 %", "intervals are shown from 120 columns on"


def _lacks_some_mask(record: RunRecord) -> bool:
    return any(
        "RU" in evidence.quadrants or "WU" in evidence.quadrants
        for result in record.results
        for evidence in result.evidence
    )


def _whole(record: RunRecord) -> str:
    done = record.status == "finished" and not record.failures
    return "this study" if done else "what is done of this study"


def _explain_spread(*, wide: bool) -> Iterator[tuple[str, str]]:
    fixed = "; there is none where nothing depends on the seed, or one seed alone has a value"
    interval = "Student's t interval of the mean over the seeds, not over the images"
    if wide:
        yield "95 %", f"{interval}; not cut at 0 and 100{fixed}"
    else:
        yield "± sd", f"sample standard deviation over the seeds{fixed}"
        yield "95 %", f"{interval}; it and the counts are shown from {WIDE_OVER_SEEDS} columns on"


def suggest_next(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield where the results lie and what to try next."""
    yield "results", f"{record.path}/run.json; rows and maps: {record.path.parent / 'store'}"
    if record.status != "finished" or record.failures or record.only:
        yield "go on", f"{record.command}  (what is finished is reused)"
    if record.failures:
        yield "why", f"{record.path / LOG_NAME} (tracebacks)"
    yield "again", f"rateval report {quote(str(record.path))}"
    yield "parts", "rateval list --all (what a spec may name)"
    yield "next", "rateval init --data photos (a spec for your own photos)"


CHANGES_SHOWN = 8
"""Notes on changed rankings that are printed; ``run.json`` holds all of them."""


def explain_explainer_columns(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what the columns of these tables mean."""
    followed = [cell.faithfulness for cell in record.cells if cell.faithfulness]
    several = len(record.seeds) > 1
    if followed:
        over = (
            "the seeds, or over the images where one seed is all there is"
            if several
            else "these images"
        )
        yield (
            "del, ins",
            "area under the prediction's probability while the most relevant patches are taken "
            "out (low is faithful) or put in (high is faithful); chance: in random order; *: "
            f"better than that, by the 95 % interval of the mean difference over {over}",
        )
    if any(faithfulness.randomisation for faithfulness in followed):
        yield (
            "permuted",
            "rank correlation with the maps after permuting the weights; near 0 is right",
        )
    if record.agreements:
        yield (
            "agreement",
            "above the diagonal: mean rank correlation of the two explainers' maps, where neither "
            "is constant; below: images that both judge alike, of those with a score by both"
            + (" (images of all seeds)" if several else ""),
        )


def explain_changes(record: RunRecord) -> Iterator[str]:
    """Yield which methods change places between explainers, clear changes first."""
    changes = sorted(record.ranking_changes, key=lambda change: not change.clear)
    several = len({change.validator for change in changes}) > 1
    mean = "mean " if len(record.seeds) > 1 else ""
    for change in changes[:CHANGES_SHOWN]:
        first, second = change.first.finetuner, change.second.finetuner
        orders = "; ".join(
            f"{one} > {other} by {', '.join(attributions)}"
            for one, other, attributions in (
                (first, second, change.first_above),
                (second, first, change.second_above),
            )
        )
        by = f" ({change.validator})" if several else ""
        unsure = "" if change.clear else " (intervals overlap)"
        yield f"{_where(change)}: ranking by {mean}{change.heading}{by} changes: {orders}{unsure}"
    left = len(changes) - CHANGES_SHOWN
    if left > 0:
        yield f"and {left} more changes of ranking, under ranking_changes in run.json"


def _where(change: RankingChangeRecord) -> str:
    shift = f", {change.shift}" if change.shift else ""
    return f"{change.first.dataset} · {change.first.model}{shift}"

"""The sentences below a report's tables."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from rateval.records.run import LOG_NAME, RunRecord
from rateval.records.scores.explainers import RankingChangeRecord
from rateval.report.rows import Shown, headings
from rateval.store.remote.mirror import name_place
from rateval.wording import plural

PAGE_NAME = "report.html"
"""The page that a run writes into its folder, where its spec asks for one."""

FEW_SEEDS = 3
"""Number of seeds below which an interval is so wide that the report says so."""


def explain_parent(record: RunRecord) -> Iterator[str]:
    """Yield which run this one scores anew; nothing where it predicted and explained itself."""
    if record.parent is not None:
        yield (
            f"scored anew from {record.parent.path}, begun {record.parent.started}: its "
            "predictions and maps, and no model was asked"
        )


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
    if record.spec_given:
        yield f"rateval parity {quote(record.spec_name)} shows the matched numbers beside these"


def explain_columns(record: RunRecord, shown: Shown) -> Iterator[tuple[str, str]]:
    """Yield what the columns mean."""
    names = headings(record).values()
    if "PT" in names:
        yield "PT", "of the correct predictions, the share on valid evidence, RR/(RR+RW)"
    if "IR" in names:
        yield "IR", "of the predictions on valid evidence, the correct share, RR/(RR+WR)"
    several = len(record.seeds) > 1
    if several:
        yield "numbers", "in %, mean over the seeds where the number is defined"
    if "count" in shown.parts:
        units = plural(record.unit())
        counted = f"{units}, mean over the seeds" if several else units
        known = ", where there is a mask" if _lacks_some_mask(record) else ""
        yield "RR…WW", f"{counted}: Right or Wrong prediction, then Right or Wrong evidence{known}"
    if "spread" in shown.parts:
        yield "± sd", "sample standard deviation over the seeds"
    yield "Δ zs", _explain_changes_of(record, shown)
    if any(e.association for result in record.results for e in result.evidence):
        yield (
            "right minus wrong",
            "share of valid evidence among right predictions minus that among wrong ones; where no "
            "difference is shown, PT is that of any prediction, and IR is accuracy",
        )
    yield from _explain_intervals(record, shown)
    if any(result.calibration for result in record.results):
        yield (
            "off by",
            "expected calibration error: how far confidence lies from accuracy, over 15 bins",
        )
        yield (
            "right above wrong",
            "how often a right prediction has more confidence than a wrong one; 50 is chance",
        )


def _explain_changes_of(record: RunRecord, shown: Shown) -> str:
    if all(cell.trained for cell in record.cells):
        return f"nothing is shown: {_whole(record)} has no zero-shot row to compare with"
    if len(record.seeds) > 1:
        points = (
            "points of change against zero-shot on the same test by the same seed, mean over the "
            "seeds"
        )
    else:
        unit = record.unit()
        points = f"points of change against the zero-shot row of the same test, {unit} by {unit}"
    if "mark" in shown.parts:
        points += f"; ↑ ↓ where its {_level(record)} interval leaves out 0"
    return points


_OVER = {
    "images": "{units} like these, by the one training that was done",
    "seeds and images": "other seeds, and {units} like these",
    "seeds": "other seeds alone, on the {units} that each of them has",
    "clusters": "{clusters} like these, by the one training that was done",
    "seeds and clusters": "other seeds, and {clusters} like these",
}
"""What an interval is over to what it speaks of."""


def _explain_intervals(record: RunRecord, shown: Shown) -> Iterator[tuple[str, str]]:
    estimates = [
        estimate
        for result in record.results
        for evidence in result.evidence
        for score in evidence.scores
        for estimate in (score.change, score.value if "interval" in shown.parts else None)
        if estimate is not None and estimate.low is not None
    ]
    found = {estimate.over for estimate in estimates}
    cluster = record.spec_resolved.get("statistics", {}).get("cluster", "")
    known = cluster in ("class", "image", "sample")
    words = {
        "units": plural(record.unit()),
        "clusters": plural(cluster) if known else f"values of {cluster}",
    }
    spoken = [text.format(**words) for over, text in _OVER.items() if over in found]
    told = [f"intervals speak of {'; or of '.join(spoken)}"] if spoken else []
    if spoken and shown.from_width is not None:
        told.append(f"a terminal of {shown.from_width} columns or more has them in the tables")
    if told:
        yield _level(record), "; ".join(told)


def _level(record: RunRecord) -> str:
    return f"{100 * record.level:g} %"


def _lacks_some_mask(record: RunRecord) -> bool:
    return any(
        "RU" in evidence.quadrants or "WU" in evidence.quadrants
        for result in record.results
        for evidence in result.evidence
    )


def _whole(record: RunRecord) -> str:
    done = record.status == "finished" and not record.failures
    return "this study" if done else "what is done of this study"


def suggest_next(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield where the results lie and what to try next."""
    yield (
        "results",
        f"{record.place}/run.json; rows and maps: {name_place(record.path.parent)}/store",
    )
    if (record.path / PAGE_NAME).is_file():
        yield "page", str(record.path / PAGE_NAME)
    if record.status != "finished" or record.failures or record.only:
        yield "go on", f"{record.command}  (what is finished is reused)"
    if record.failures:
        yield "why", f"{record.place}/{LOG_NAME} (tracebacks)"
    yield "again", f"rateval report {quote(record.place)}"
    yield "parts", "rateval list --all (what a spec may name)"
    data = [entry.get("component", "") for entry in record.spec_resolved.get("dataset", ())]
    if all(name.startswith("shapes") for name in data):  # drawn scenes: no one's own photos yet
        yield "next", "rateval init --data photos (a spec for your own photos)"


CHANGES_SHOWN = 8
"""Notes on changed rankings that are printed; ``run.json`` holds all of them."""


def explain_explainer_columns(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what the columns of these tables mean."""
    followed = [cell.faithfulness for cell in record.cells if cell.faithfulness]
    several, units = len(record.seeds) > 1, plural(record.unit())
    if followed:
        over = (
            f"the seeds, or over the {units} where one seed is all there is"
            if several
            else f"these {units}"
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
        alike = f"{units} that both judge alike, of those with a score by both" + (
            f" ({units} of all seeds)" if several else ""
        )
        kappa = "Cohen's kappa: what of that is beyond chance, 1 at most"
        maps = "mean rank correlation of the two explainers' maps, where neither is constant"
        names = {key.attribution for a in record.agreements for key in (a.first, a.second)}
        two = f"alike: {alike}; kappa: {kappa}; maps: {maps}"
        more = f"above the diagonal: {maps}; below: {alike}, and {kappa}"
        yield "agreement", two if len(names) == 2 else more


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
        unsure = "" if change.clear else " (not shown: an interval holds 0)"
        yield f"{_where(change)}: ranking by {mean}{change.heading}{by} changes: {orders}{unsure}"
    left = len(changes) - CHANGES_SHOWN
    if left > 0:
        yield f"and {left} more changes of ranking, under ranking_changes in run.json"


def _where(change: RankingChangeRecord) -> str:
    shift = f", {change.shift.text}" if change.shift else ""
    return f"{change.first.dataset} · {change.first.model}{shift}"

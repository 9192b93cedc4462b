"""What the numbers of a model card don't say, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.records.scores.cell import CellRecord, EvidenceRecord, ResultRecord
from rateval.report.export.papers.markdown import escape, write_number
from rateval.report.export.papers.paper import name_over, show
from rateval.report.export.selecting import Selection
from rateval.wording import plural, write_count


def list_caveats(selection: Selection, results: Sequence[ResultRecord]) -> Iterator[str]:
    """Yield a sentence for each, in Markdown."""
    record = selection.record
    scores = [score for result in results for found in result.evidence for score in found.scores]
    over = name_over(record, [score.value for score in scores])
    yield (
        f"Intervals are at {100 * record.level:g} %, over {' or '.join(over) or 'nothing'}; they "
        "speak of no other data, explainer or threshold."
    )
    yield (
        "Valid evidence is what the explainer and the validator that are named call so. A map can "
        "lie on the object while the prediction hangs on something else."
    )
    yield from _tell_without_image(results)
    for result in results:
        for evidence in result.evidence:
            if evidence.validator in selection.validators:
                yield from _caveats_of(selection, result, evidence)
    if record.limit is not None:
        yield f"At most {record.limit:,} samples of each split were used."
    if record.protocol != "matched":
        yield f"The study follows the published protocol {record.protocol}, with its differences."
    assumed = {
        text for result in results if isinstance(result, CellRecord) for text in result.assumed
    }
    for text in sorted(assumed):
        yield f"Taken for granted: {escape(text)}."
    if record.status != "finished" or record.failures:
        yield "The run is not complete: something failed or was not reached."
    yield (
        "The metadata name the dataset by its label in the study; put its id on the Hub there, if "
        "it has one."
    )


def _tell_without_image(results: Sequence[ResultRecord]) -> Iterator[str]:
    told = set[str]()
    for result in results:
        found = result.without_image
        where = f"{result.key.row} on {result.key.dataset}"
        if found is not None and found.blank_right.value is not None and where not in told:
            told.add(where)
            right, kept = (write_number(show(one)) for one in (found.blank_right, found.blank_kept))
            yield (
                f"{escape(where)}: of the answers where the image is blank, {right} % are right, "
                f"and {kept} % are what is answered to the image: language alone tells those."
            )


def _caveats_of(
    selection: Selection, result: ResultRecord, evidence: EvidenceRecord
) -> Iterator[str]:
    unit = selection.record.unit(result.key.dataset)
    units = plural(unit)
    where = escape(f"{selection.record.label(result.key)} by {evidence.validator}")
    found, chance = evidence.association, evidence.chance
    if found is not None and found.difference.value is not None:
        points = write_number(show(found.difference))
        if found.difference.excludes_0:
            yield f"{where}: valid evidence, right minus wrong predictions: {points} points."
        else:
            yield (
                f"{where}: right predictions have valid evidence no more and no less often than "
                f"wrong ones, as far as is shown ({points} points); PT is that of any prediction."
            )
    if chance is not None and chance.others.value is not None:
        others = write_number(show(chance.others))
        yield f"{where}: other {units}' maps would be called valid in {others} % of the pairs."
    unknown = sum(evidence.quadrants.get(state, 0) for state in ("RU", "WU"))
    if unknown:
        yield (
            f"{where}: of {write_count(unknown, unit)} the evidence is unknown; they are in no PT "
            "and IR."
        )
    if evidence.undefined:
        reasons = ", ".join(f"{count:,} {why}" for why, count in evidence.undefined.items())
        yield f"{where}: {units} without a score, by reason: {escape(reasons)}."
    undefined = [s.heading for s in evidence.scores if s.value.value is None]
    if undefined:
        yield f"{where}: {escape(', '.join(undefined))} undefined, as nothing can be counted."

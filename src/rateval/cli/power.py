"""``rateval power``: how many images a study needs, before it runs."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import dataclass

from rateval.cli.arguments import count, share
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.stats.power import Supposed, chance_to_show, least_difference, units_needed

COUNTS = {
    "accuracy": "images",
    "pt": "correct predictions",
    "ir": "predictions on valid evidence",
}
"""Name of a metric to what its denominator counts."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "How many images show a difference between two methods on the same images, and how small "
        "a difference so many can show. Shares are given as 0.35 or 35%."
    )
    parser.add_argument("--metric", choices=tuple(COUNTS), default="pt", help="default: pt")
    parser.add_argument(
        "--value", type=share, required=True, metavar="SHARE", help="what one method has"
    )
    parser.add_argument(
        "--of",
        type=share,
        metavar="SHARE",
        help="part of the images that the metric counts: the accuracy for pt, the share of valid "
        "evidence for ir (default for accuracy: 1)",
    )
    parser.add_argument(
        "--difference",
        type=share,
        metavar="SHARE",
        help="what the other has less (default: 0.05)",
    )
    parser.add_argument("--images", type=count, metavar="N", help="images that there are")
    parser.add_argument(
        "--correlation",
        type=_correlation,
        default=0.0,
        metavar="R",
        help="of the two values over samples of images (0); the same images give one above 0",
    )
    parser.add_argument(
        "--power", type=share, default=0.8, metavar="SHARE", help="chance to show it (0.8)"
    )
    parser.add_argument(
        "--level", type=share, default=0.95, metavar="SHARE", help="of the interval (0.95)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known before a study."""

    difference: float
    images_needed: int | None
    """For the difference; None where there is none to show."""
    images: int | None
    chance: float | None
    """That ``images`` show the difference."""
    least_difference: float | None
    """That ``images`` show with the chance asked for; None where no fall would be shown."""


def execute(parsed: Namespace) -> int:
    """Answer. Raises RatevalError when the numbers contradict one another."""
    supposed = _suppose(parsed)
    given = parsed.images is not None
    answer = Answer(
        difference=round(supposed.first - supposed.second, 12),
        images_needed=units_needed(supposed, parsed.power, parsed.level),
        images=parsed.images,
        chance=chance_to_show(supposed, parsed.images, parsed.level) if given else None,
        least_difference=(
            least_difference(supposed, parsed.images, parsed.power, parsed.level) if given else None
        ),
    )
    if parsed.json:
        say(Console(), json.dumps({"metric": parsed.metric, **_as_json(answer)}, indent=2))
    else:
        _print(answer, supposed, parsed)
    return 0


def _suppose(parsed: Namespace) -> Supposed:
    part = parsed.of
    if part is None:
        if parsed.metric != "accuracy":
            raise RatevalError(
                f"--of: missing; {parsed.metric} counts {COUNTS[parsed.metric]} alone: give the "
                "share of the images that are such, as in --of 0.9"
            )
        part = 1.0
    difference = min(0.05, parsed.value) if parsed.difference is None else parsed.difference
    for name, value in (("--value", parsed.value), ("--of", part), ("--difference", difference)):
        if not value:
            raise RatevalError(f"{name} = {value:g}: must be above 0")
    for name in ("power", "level"):
        if not 0 < getattr(parsed, name) < 1:
            value = getattr(parsed, name)
            raise RatevalError(f"--{name} = {value:g}: must lie between 0 and 1")
    if difference > parsed.value:
        raise RatevalError(
            f"--difference = {difference:g}: a value of {parsed.value:g} cannot fall so far; give "
            f"at most {parsed.value:g}, or the larger of the two values as --value"
        )
    return Supposed(parsed.value, parsed.value - difference, part, part, parsed.correlation)


def _as_json(answer: Answer) -> dict[str, float | int | None]:
    return {name: getattr(answer, name) for name in Answer.__slots__}


def _print(answer: Answer, supposed: Supposed, parsed: Namespace) -> None:
    console = Console()
    name = parsed.metric if parsed.metric == "accuracy" else parsed.metric.upper()
    counted = COUNTS[parsed.metric]
    among = "" if parsed.metric == "accuracy" else f" among {supposed.first_part:.1%} of the images"
    say(
        console,
        f"{name} of {supposed.first:.1%} against {supposed.second:.1%}, over {counted}{among}",
    )
    say(
        console,
        f"interval at {parsed.level:.0%}, same images for both, correlation "
        f"{parsed.correlation:g}, power {parsed.power:.0%}",
    )
    lines = []
    if answer.images_needed is not None:
        lines.append(("images needed to show it", f"{answer.images_needed:,}"))
    if answer.images is not None:
        least = answer.least_difference
        shown = "none" if least is None else f"{100 * least:.1f} points"
        lines.append((f"chance that {answer.images:,} images show it", f"{answer.chance:.0%}"))
        lines.append(("smallest fall that they show", shown))
    for said, number in lines:
        say(console, f"  {said:<40} {number}")


def _correlation(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 2.0
    if not -1 <= value <= 1:
        raise ArgumentTypeError(f"{text}: is no correlation; give a number from -1 to 1")
    return value

"""One recorded pass over a batch of answers, and gradients of their score by its attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rateval.api import PluginError
from rateval.api.tasks.texts import Answered, Attended, TextModel
from rateval_attention.answers.flows import Step, check_flow
from rateval_attention.answers.scores import (
    Spans,
    choose_tokens,
    rivals_of,
    start_row,
    sum_scores,
)
from rateval_attention.params import ScoreOf


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """What a pass over B answers left."""

    steps: tuple[Step, ...]
    final: str
    """The stream that the answers are read from."""
    start: torch.Tensor
    """(B, N of ``final``) float32: the mean over the tokens that are read."""
    score: torch.Tensor
    """(B,) sum of log probabilities of what is explained, with its graph."""


def record_answers(
    model: TextModel, answered: Answered, answers: Sequence[str], spans: Spans
) -> Recorded:
    """Score ``answers`` once, in the place of those of ``answered``, and keep what was recorded.

    Raises RatevalError where a span holds no token, PluginError where the flow is not as promised.
    """
    with model.record_flow() as flow:
        scores = model.score(answered.images, answered.questions, answers)
    reading = check_flow(flow, len(answers))
    chosen = choose_tokens(scores, answers, spans)
    score = sum_scores(scores, chosen)
    start = start_row(reading, chosen).to(score.dtype)
    return Recorded(tuple(flow.steps), flow.final, start, score)


def record_rivals(model: TextModel, answered: Answered, score: ScoreOf) -> Recorded | None:
    """Score the best other answers likewise where the score is a margin, else return None."""
    rivals = rivals_of(answered, score)
    return None if rivals is None else record_answers(model, answered, rivals, None)


def differentiate(
    own: Recorded, rival: Recorded | None, wanted: Sequence[int]
) -> dict[int, torch.Tensor]:
    """Return the gradient of the score by the attention of the wanted steps, by their place.

    With a rival the score is the difference. What both passes compute alike, the attention of all
    streams but the one that the answers are read from, then gets the sum of both passes' gradients,
    as if it had been computed once. One gradient call in any case. Raises PluginError when the
    score doesn't depend on the recorded attention.
    """
    inputs = [_attended(own, at).probabilities for at in wanted]
    score, shared = own.score.sum(), list[int]()
    if rival is not None:
        score = score - rival.score.sum()
        shared = [number for number, at in enumerate(wanted) if own.steps[at].to != own.final]
    twins = [_twin(own, rival, wanted[number]) for number in shared if rival is not None]
    if not score.requires_grad:
        raise _not_recorded()
    found = torch.autograd.grad(score, [*inputs, *twins], allow_unused=True)
    if all(gradient is None for gradient in found[: len(inputs)]):
        raise _not_recorded()
    slopes = [
        torch.zeros_like(one) if gradient is None else gradient
        for one, gradient in zip([*inputs, *twins], found, strict=True)
    ]
    for number, slope in zip(shared, slopes[len(inputs) :], strict=True):
        slopes[number] = slopes[number] + slope
    return dict(zip(wanted, slopes, strict=False))


def _attended(recorded: Recorded, at: int) -> Attended:
    step = recorded.steps[at]
    assert isinstance(step, Attended)
    return step


def _twin(own: Recorded, rival: Recorded, at: int) -> torch.Tensor:
    one = _attended(own, at)
    other = rival.steps[at] if at < len(rival.steps) else None
    if (
        isinstance(other, Attended)
        and (other.to, other.of) == (one.to, one.of)
        and other.probabilities.shape == one.probabilities.shape
    ):
        return other.probabilities
    raise PluginError(
        f"record_flow: step {at}, {one.to!r} looking at {one.of!r}, is another one where another "
        "answer to the same question is scored; what comes before the answer must not hang on it"
    )


def _not_recorded() -> PluginError:
    return PluginError(
        "record_flow: the score is not computed from the recorded attention; the probabilities "
        "must be in its graph, and require a gradient also where no weight does"
    )

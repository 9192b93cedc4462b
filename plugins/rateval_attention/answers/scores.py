"""The number that is explained of an answer, and the tokens that it is read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch

from rateval.api import PluginError, RatevalError
from rateval.api.tasks.texts import Answered, Answerer, TextModel, TokenScores
from rateval_attention.explainer import frozen
from rateval_attention.params import ScoreOf, TargetParams

Spans = Sequence[tuple[int, int]] | None
"""Start and stop in characters of what is explained of each answer; None is all of it."""


@contextmanager
def answering(answerer: Answerer, answered: Answered, *, graph: bool = True) -> Iterator[Answered]:
    """Yield what a pass may be differentiated with, whatever the surroundings, its weights aside.

    Without ``graph`` no gradient is asked for.
    """
    # Tensors of inference mode cannot be saved for a backward pass; their clones can.
    with torch.inference_mode(False), torch.set_grad_enabled(graph):
        images = answered.images.detach()
        images = images.clone() if images.is_inference() else images
        with frozen(answerer.model.module):
            yield replace(answered, images=images)


def choose_tokens(scores: TokenScores, answers: Sequence[str], spans: Spans) -> torch.Tensor:
    """Return the tokens that are explained, (B, T) bool: those that overlap an answer's span.

    An answer's tokens stand from the first column on. Its end is among them where all of it is
    explained. Raises RatevalError when no token overlaps, PluginError when there are more tokens
    than columns.

    >>> scores = TokenScores(torch.zeros(1, 3), (((0, 3), (4, 7), (7, 7)),))
    >>> choose_tokens(scores, ["red car"], None), choose_tokens(scores, ["red car"], [(4, 7)])
    (tensor([[True, True, True]]), tensor([[False,  True, False]]))
    """
    count, length = scores.log_probabilities.shape
    if len(scores.spans) != count or any(len(spans) > length for spans in scores.spans):
        raise PluginError(
            f"score: {count} answers have log probabilities of {length} tokens at most, but spans "
            f"of {[len(spans) for spans in scores.spans]} tokens"
        )
    chosen = torch.zeros(count, length, dtype=torch.bool)
    for row, tokens in enumerate(scores.spans):
        start, stop = (0, 0) if spans is None else spans[row]
        inside = [spans is None or (low < stop and high > start) for low, high in tokens]
        if not any(inside):
            raise RatevalError(
                f"spans = ({start}, {stop}): no token of the answer {answers[row]!r} lies there; "
                "give the characters of some of its words, or None for all of it"
            )
        chosen[row, : len(inside)] = torch.tensor(inside)
    return chosen.to(scores.log_probabilities.device)


def sum_scores(scores: TokenScores, chosen: torch.Tensor) -> torch.Tensor:
    """Return the sum of the log probabilities of the chosen tokens, (B,).

    >>> scores = TokenScores(torch.tensor([[-1.0, -2.0]]), (((0, 1), (1, 1)),))
    >>> sum_scores(scores, torch.tensor([[True, False]]))
    tensor([-1.])
    """
    return torch.where(chosen, scores.log_probabilities, 0).sum(dim=1)


def start_row(reading: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Return the mean over the tokens from which the chosen ones are predicted, (B, N) float32.

    Takes ``reading`` (B, N) bool and ``chosen`` (B, T) bool. Raises PluginError where there are
    fewer tokens to read from than are chosen.

    >>> reading = torch.tensor([[False, True, True, True]])
    >>> start_row(reading, torch.tensor([[True, True, False]]))
    tensor([[0.0000, 0.5000, 0.5000, 0.0000]])
    """
    order = reading.long().cumsum(dim=1) - 1
    within = reading & (order < chosen.shape[1])
    read = within & chosen.gather(1, order.clamp(0, chosen.shape[1] - 1))
    if not bool((read.sum(dim=1) == chosen.sum(dim=1)).all()):
        raise PluginError(
            "record_flow: reading must have a token for each that is predicted, and has "
            f"{reading.sum(dim=1).tolist()} of {chosen.sum(dim=1).tolist()}"
        )
    return read.float() / read.sum(dim=1, keepdim=True)


def rivals_of(answered: Answered, score: ScoreOf) -> tuple[str, ...] | None:
    """Return the answers that a margin is against, None where the score is none.

    Raises RatevalError when none are known.
    """
    if score != "margin":
        return None
    if answered.rivals is None:
        raise RatevalError(
            'score = "margin": it is the difference to the best other answer, and none is known; '
            'let the task rank candidates (answer = "rank"), or set score = "raw"'
        )
    return answered.rivals


def require_own_target(params: TargetParams) -> None:
    """Raise RatevalError when a target is asked for, as one of K classes has it."""
    if params.target != "label":
        raise RatevalError(
            f"target = {params.target!r}: an answer is a text and none of K classes; the answer "
            "that is given is explained, so leave target out"
        )


def score_answers(model: TextModel, answered: Answered, score: ScoreOf) -> torch.Tensor:
    """Return what is explained of B answers, (B,), without recording.

    Raises RatevalError as ``choose_tokens`` and ``rivals_of`` do.
    """
    rivals = rivals_of(answered, score)
    scores = model.score(answered.images, answered.questions, answered.answers)
    own = sum_scores(scores, choose_tokens(scores, answered.answers, answered.spans))
    if rivals is None:
        return own
    against = model.score(answered.images, answered.questions, rivals)
    return own - sum_scores(against, choose_tokens(against, rivals, None))

"""What the answer's tokens attend to in the last layers: a baseline without gradients."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Context, Explanation, PluginError
from rateval.api.tasks.texts import Answered, Answerer, Passed
from rateval_attention.answers.alone import AnswersAlone
from rateval_attention.answers.flows import IMAGE, Step, is_attention, pass_back
from rateval_attention.answers.recorded import record_answers
from rateval_attention.answers.scores import answering
from rateval_attention.params import TokenAttentionParams


class TokenAttention(AnswersAlone):
    """The last attention on the way from the tokens that predict the answer to the image."""

    name, instead = "token-attention", "raw-attention"

    def explain_answers(self, answerer: Answerer, answered: Answered) -> Explanation:
        """Explain B answers, whatever the scores of their tokens.

        Raises PluginError when the model's flow leads from no answer to the image.
        """
        model = answerer.model
        with answering(answerer, answered, graph=False) as given:
            own = record_answers(model, given, given.answers, given.spans)
            row = attended_row(own.steps, own.final, own.start)
            return Explanation(model.put_on_grid(row).detach().float())


def make_token_attention(params: TokenAttentionParams, context: Context) -> TokenAttention:
    """Make the attribution; it runs where the model runs."""
    return TokenAttention()


def attended_row(steps: Sequence[Step], final: str, start: torch.Tensor) -> torch.Tensor:
    """Return how much the tokens that ``start`` (B, N) weighs look at the image, (B, N of it).

    The heads are averaged, and of several layers the last counts. Tokens that look at the image
    themselves do so by that one attention. Others look at it through the tokens of another stream
    that they look at, as an answer does through its question. Where image tokens stand among the
    words, the words look at those by the attention to their own stream. Raises PluginError when no
    way leads to the image.
    """
    stream, row, looked = final, start, False
    for _ in range(1 + len(steps)):
        if stream == IMAGE:
            return row.detach()
        passed = [step for step in steps if isinstance(step, Passed) and step.to == stream]
        of = [step.of for step in steps if step.to == stream and _leads(steps, step.of)]
        others = [source for source in of if source != stream]
        if not others:
            break
        source = IMAGE if IMAGE in others else others[-1]
        direct = _last(steps, stream, source)
        if direct is not None:
            row = _look(row, direct)
        else:
            own = None if looked else _last(steps, stream, stream)
            row = row if own is None else _look(row, own)
            step = next(step for step in passed if step.of == source)
            row = pass_back(row, step.places)
        stream, looked = source, True
    raise PluginError(f"record_flow: no step leads from the stream {final!r} to the image")


def _leads(steps: Sequence[Step], stream: str, behind: frozenset[str] = frozenset()) -> bool:
    """Return whether the image is reached from a stream, by steps that don't come back to it."""
    if stream == IMAGE:
        return True
    behind = behind | {stream}
    return any(
        step.to == stream and step.of not in behind and _leads(steps, step.of, behind)
        for step in steps
    )


def _last(steps: Sequence[Step], to: str, of: str) -> torch.Tensor | None:
    """Return the last attention (B, heads, M, N) of one stream to another, if there is one."""
    found = [step.probabilities for step in steps if is_attention(step, to=to, of=of)]
    return found[-1] if found else None


def _look(row: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    return (row[:, None] @ probabilities.detach().mean(dim=1).to(row.dtype))[:, 0]

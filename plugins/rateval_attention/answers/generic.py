"""Generic Attention Attribution of a batch of answers."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Explanation, RatevalError
from rateval.api.tasks.texts import Answered, Answerer, Attended, Passed
from rateval_attention.answers.flows import Step, last_of_each_kind
from rateval_attention.answers.recorded import differentiate, record_answers, record_rivals
from rateval_attention.answers.rules import Weighed, image_row
from rateval_attention.answers.scores import answering, require_own_target
from rateval_attention.heads import contributions
from rateval_attention.params import GenericAttentionParams, Layers


def explain_by_rules(
    answerer: Answerer, answered: Answered, params: GenericAttentionParams
) -> Explanation:
    """Explain B answers by the rules of ``rules``, from all layers or the last of each kind.

    The score is the sum of the log probabilities of what is explained, or its difference to that of
    the best other answer. Relevance is read from the mean over the tokens that predict what is
    explained. One forward pass, two for a margin, and one gradient call for the whole batch.
    Raises RatevalError when the params don't fit answers or the model, PluginError when the
    model's flow is not as promised.
    """
    require_own_target(params)
    model = answerer.model
    with answering(answerer, answered) as given:
        rival = record_rivals(model, given, params.score)
        own = record_answers(model, given, given.answers, given.spans)
        kept = choose_steps(params.layers, own.steps)
        wanted = [at for at in kept if isinstance(own.steps[at], Attended)]
        gradients = differentiate(own, rival, wanted)
        with torch.no_grad():
            steps = [weigh(own.steps[at], gradients.get(at)) for at in kept]
            row = image_row(steps, own.final, own.start)
            return Explanation(model.put_on_grid(row).detach().float())


def choose_steps(layers: Layers, steps: Sequence[Step]) -> tuple[int, ...]:
    """Turn the parameter ``layers`` into places of steps, those of passed tokens always among them.

    Raises RatevalError for single layers: the steps are of several kinds.
    """
    if layers == "all":
        return tuple(range(len(steps)))
    if layers == "last":
        return last_of_each_kind(steps)
    given = list(layers) if isinstance(layers, tuple) else layers
    raise RatevalError(
        f"layers = {given}: a model that answers by a text has attention of several kinds, such as "
        'of words to words and of words to the image, and no one count for all; give "all", or '
        '"last" for the last attention of each kind'
    )


def weigh(step: Step, gradient: torch.Tensor | None) -> Weighed | Passed:
    """Return a step as the rules read it; an attention comes with its gradient."""
    if isinstance(step, Passed):
        return step
    assert gradient is not None
    return Weighed(step.to, step.of, contributions(step.probabilities.detach(), gradient))

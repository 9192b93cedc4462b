"""Evidence by predictions under edits: does an answer hang on the object, whatever a map shows?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rateval.api import Context, Outcomes, PluginError, Score, Verdict

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from rateval_rationality.params import CounterfactualParams, CountParams


class CounterfactualValidator:
    """Evidence is valid when the answer stays with the object and goes without it.

    Its score is how much of the answer's probability goes with the object. With it PT and IR speak
    of causes: how many correct answers hang on the object, how many that do are correct.

    Source: the form of FPVG, Reich, Putze, Schultz, Findings of EMNLP 2023.
    """

    def judge(self, answers: Mapping[str, torch.Tensor]) -> Verdict:
        """Judge (B,) answers to edited images."""
        causal, gap = answers["causal"], answers["gap"]
        return Verdict(gap.clone(), causal.clone(), causal | ~causal, ("",) * len(causal))


class RightForTheObject:
    """How many of all images are correct because of the object: |right and causal| / N.

    What is not known of an image counts as not: neither accuracy nor what is known can be shrunk
    to raise it.

    >>> import numpy as np
    >>> right, causal = np.array([True, True, False]), np.array([True, False, True])
    >>> RightForTheObject().compute(Outcomes(right, right, causal=causal)).numerator
    1
    """

    label = "object"

    def compute(self, outcomes: Outcomes) -> Score:
        """Count; no image at all gives None."""
        causal, known = _causes(outcomes)
        return Score.share(int((outcomes.correct & causal & known).sum()), len(outcomes.correct))


class LooksRightIsNot:
    """How many correct predictions have a valid map and hang on something else.

    |right and valid and not causal| / |right|, over images of which it is known what they hang on.

    >>> import numpy as np
    >>> right, causal = np.array([True, True, False]), np.array([True, False, False])
    >>> LooksRightIsNot().compute(Outcomes(right, right, causal=causal)).value
    0.5
    """

    label = "looks"

    def compute(self, outcomes: Outcomes) -> Score:
        """Count; no correct prediction of which anything is known gives None."""
        causal, known = _causes(outcomes)
        right = outcomes.correct & outcomes.known & known
        return Score.share(int((right & outcomes.valid & ~causal).sum()), int(right.sum()))


def _causes(outcomes: Outcomes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    if outcomes.causal is None or outcomes.causal_known is None:
        raise PluginError("this metric needs outcomes with predictions under edits", kind="metric")
    return outcomes.causal, outcomes.causal_known


def make_counterfactual(params: CounterfactualParams, context: Context) -> CounterfactualValidator:
    """Make the validator."""
    return CounterfactualValidator()


def make_right_for_the_object(params: CountParams, context: Context) -> RightForTheObject:
    """Make the metric over all images."""
    return RightForTheObject()


def make_looks_right_is_not(params: CountParams, context: Context) -> LooksRightIsNot:
    """Make the metric of maps that deceive."""
    return LooksRightIsNot()

"""Metrics that are shares of images: of all, or of the quadrants of those with known evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rateval.api import Context, Outcomes, Score

if TYPE_CHECKING:
    from rateval_rationality.params import CountParams


class Accuracy:
    """The share of images predicted correctly, whatever is known of their evidence.

    >>> import numpy as np
    >>> Accuracy().compute(Outcomes(np.array([True, False]), np.array([True, True]))).value
    0.5
    """

    label = "accuracy"

    def compute(self, outcomes: Outcomes) -> Score:
        """Count; no image at all gives None."""
        return Score.share(int(outcomes.correct.sum()), len(outcomes.correct))


class PredictionTrustworthiness:
    """How often a correct prediction rests on valid evidence: RR / (RR + RW).

    Images whose evidence is unknown are in neither.

    Source: Wang et al., AAAI 2025, arXiv 2412.13333.

    >>> import numpy as np
    >>> right, sound = np.array([True, True, False]), np.array([True, False, True])
    >>> PredictionTrustworthiness().compute(Outcomes(right, sound)).value
    0.5
    """

    label = "PT"

    def compute(self, outcomes: Outcomes) -> Score:
        """Count; no correct prediction gives None."""
        quadrants = outcomes.quadrants()
        return Score.share(quadrants["RR"], quadrants["RR"] + quadrants["RW"])


class InferenceReliability:
    """How often valid evidence leads to a correct prediction: RR / (RR + WR).

    Images whose evidence is unknown are in neither.

    Source: Wang et al., AAAI 2025, arXiv 2412.13333.

    >>> import numpy as np
    >>> right, sound = np.array([True, False, False]), np.array([True, True, True])
    >>> InferenceReliability().compute(Outcomes(right, sound)).numerator
    1
    """

    label = "IR"

    def compute(self, outcomes: Outcomes) -> Score:
        """Count; no valid evidence gives None."""
        quadrants = outcomes.quadrants()
        return Score.share(quadrants["RR"], quadrants["RR"] + quadrants["WR"])


class ValidRate:
    """The share of images with valid evidence, right or wrong; of those whose evidence is known.

    What PT would be if evidence had nothing to do with the prediction.

    >>> import numpy as np
    >>> ValidRate().compute(Outcomes(np.array([True, False]), np.array([True, False]))).value
    0.5
    """

    label = "valid"

    def compute(self, outcomes: Outcomes) -> Score:
        """Count; no image of known evidence gives None."""
        quadrants = outcomes.quadrants()
        return Score.share(quadrants["RR"] + quadrants["WR"], sum(quadrants.values()))


def make_accuracy(params: CountParams, context: Context) -> Accuracy:
    """Make the accuracy metric."""
    return Accuracy()


def make_prediction_trustworthiness(
    params: CountParams, context: Context
) -> PredictionTrustworthiness:
    """Make the PT metric."""
    return PredictionTrustworthiness()


def make_inference_reliability(params: CountParams, context: Context) -> InferenceReliability:
    """Make the IR metric."""
    return InferenceReliability()


def make_valid_rate(params: CountParams, context: Context) -> ValidRate:
    """Make the metric of valid evidence."""
    return ValidRate()

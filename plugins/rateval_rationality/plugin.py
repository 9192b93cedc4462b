"""Register the relevance-mass validator and the accuracy, PT and IR metrics."""

from __future__ import annotations

from rateval.api import Component, hookimpl

_PAPER = "Wang et al., AAAI 2025, arXiv 2412.13333"


@hookimpl
def rateval_register_validators() -> list[Component]:
    """Return relevance-mass."""
    return [
        Component(
            name="relevance-mass",
            summary="Valid when enough of the relevance lies inside the evidence mask",
            factory="rateval_rationality.relevance_mass:make_relevance_mass",
            params="rateval_rationality.params:RelevanceMassParams",
            source=f"relevance mass accuracy: Arras et al., CLEVR-XAI 2022; threshold: {_PAPER}",
        )
    ]


@hookimpl
def rateval_register_metrics() -> list[Component]:
    """Return accuracy, pt and ir."""
    return [
        Component(
            name="accuracy",
            summary="Share of images predicted correctly",
            factory="rateval_rationality.metrics:make_accuracy",
            params="rateval_rationality.params:CountParams",
        ),
        Component(
            name="pt",
            summary="Prediction trustworthiness: share of correct predictions on valid evidence",
            factory="rateval_rationality.metrics:make_prediction_trustworthiness",
            params="rateval_rationality.params:CountParams",
            source=_PAPER,
        ),
        Component(
            name="ir",
            summary="Inference reliability: share of valid evidence that is predicted correctly",
            factory="rateval_rationality.metrics:make_inference_reliability",
            params="rateval_rationality.params:CountParams",
            source=_PAPER,
        ),
    ]

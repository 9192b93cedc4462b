"""The evidence validators and the accuracy, PT and IR metrics, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl

_PAPER = "Wang et al., AAAI 2025, arXiv 2412.13333"
_REICH = "Reich, Putze, Schultz, Findings of EMNLP 2023"
_ARRAS = "Arras et al., CLEVR-XAI, Information Fusion 2022"


@hookimpl
def rateval_register_validators() -> list[Component]:
    """Return relevance-mass and the validators to check its verdicts against."""
    return [
        Component(
            name="relevance-mass",
            summary="Valid when enough of the relevance lies inside the evidence mask",
            factory="rateval_rationality.relevance_mass:make_relevance_mass",
            params="rateval_rationality.params:RelevanceMassParams",
            source=f"relevance mass accuracy: {_ARRAS}; threshold: {_PAPER}",
        ),
        Component(
            name="mass-over-chance",
            summary="Relevance mass above that of a uniform map, so that large masks gain nothing",
            factory="rateval_rationality.mass_over_chance:make_mass_over_chance",
            params="rateval_rationality.params:MassOverChanceParams",
            source=f"relevance mass accuracy: {_ARRAS}; correction for chance: Cohen 1960",
        ),
        Component(
            name="relevance-rank",
            summary="Valid when enough of the K most relevant pixels lie inside a mask of K pixels",
            factory="rateval_rationality.relevance_rank:make_relevance_rank",
            params="rateval_rationality.params:RelevanceRankParams",
            source=f"relevance rank accuracy: {_ARRAS}",
        ),
        Component(
            name="pointing-game",
            summary="Valid when the most relevant pixel lies on the evidence mask",
            factory="rateval_rationality.pointing_game:make_pointing_game",
            params="rateval_rationality.params:PointingGameParams",
            source="Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016",
        ),
        Component(
            name="top-k",
            summary="Valid when enough of the k % most relevant pixels lie inside the mask",
            factory="rateval_rationality.top_k:make_top_k",
            params="rateval_rationality.params:TopKParams",
            source="Theiner et al., Interpretable Semantic Photo Geolocation, WACV 2022",
        ),
        Component(
            name="iou",
            summary="Valid when the binarised heat map overlaps enough with the mask",
            factory="rateval_rationality.iou:make_iou",
            params="rateval_rationality.params:IouParams",
            source="level: Zhou et al., CVPR 2016; quantile: Bau et al., CVPR 2017",
        ),
        Component(
            name="counterfactual",
            summary="Valid when the answer stays with the object and goes without it; no map",
            factory="rateval_rationality.causes:make_counterfactual",
            params="rateval_rationality.params:CounterfactualParams",
            needs="predictions under edits",
            source=f"the form of FPVG: {_REICH}",
        ),
    ]


@hookimpl
def rateval_register_metrics() -> list[Component]:
    """Return accuracy, pt and ir, and what tells maps from causes."""
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
        Component(
            name="valid-rate",
            summary="Share of images with valid evidence: what PT is measured against",
            factory="rateval_rationality.metrics:make_valid_rate",
            params="rateval_rationality.params:CountParams",
        ),
        Component(
            name="right-for-the-object",
            summary="Share of all images that are correct because of the object",
            factory="rateval_rationality.causes:make_right_for_the_object",
            params="rateval_rationality.params:CountParams",
            needs="predictions under edits",
            source=f"the form of FPVG: {_REICH}",
        ),
        Component(
            name="looks-right-is-not",
            summary="Share of correct predictions whose map is valid and whose cause is not",
            factory="rateval_rationality.causes:make_looks_right_is_not",
            params="rateval_rationality.params:CountParams",
            needs="relevance and predictions under edits",
        ),
    ]

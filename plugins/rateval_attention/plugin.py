"""The attributions that are registered: of attention, of gradients, and null explainers."""

from __future__ import annotations

from rateval.api import Component, hookimpl

_TEXTS = ("vqa", "captioning")
_ANY_TASK = ("classification", *_TEXTS)


@hookimpl
def rateval_register_attributions() -> list[Component]:
    """Return the attributions in the order in which they are best tried."""
    return [*_of_attention(), *_of_texts(), *_of_pixels(), *_nulls()]


def _of_attention() -> list[Component]:
    return [
        Component(
            name="generic-attention",
            summary="Generic Attention Attribution of the vision transformer",
            factory="rateval_attention.attention.generic:make_generic_attention",
            params="rateval_attention.params:GenericAttentionParams",
            shares="recorded attention",
            source="Chefer, Gur, Wolf, ICCV 2021, section 3; from the class token as published, "
            "from a mean or an attention pool, and through more than two streams of tokens, by "
            "rateval's extension",
            tasks=_ANY_TASK,
            by_token=True,
        ),
        Component(
            name="grad-cam",
            summary="Grad-CAM on the last layer's attention, its heads as channels",
            factory="rateval_attention.attention.grad_cam:make_grad_cam",
            params="rateval_attention.params:GradCamParams",
            shares="recorded attention",
            source="Selvaraju et al., ICCV 2017, as Chefer, Gur, Wolf, CVPR 2021, apply it to "
            "vision transformers (hila-chefer/Transformer-Explainability)",
        ),
        Component(
            name="legrad",
            summary="Each layer's tokens scored as if the last; positive gradient by its attention",
            factory="rateval_attention.attention.legrad:make_legrad",
            params="rateval_attention.params:LegradParams",
            version="2",
            source="Bousselham et al., LeGrad, arXiv 2404.03214, section 3 (github.com/"
            "WalBouss/LeGrad)",
        ),
        Component(
            name="attention-rollout",
            summary="Attention carried through all layers, whatever the class",
            factory="rateval_attention.attention.rollout:make_attention_rollout",
            params="rateval_attention.params:AttentionRolloutParams",
            shares="recorded attention",
            source="Abnar and Zuidema, ACL 2020, section 3",
        ),
        Component(
            name="raw-attention",
            summary="Attention of the last layer, whatever the class",
            factory="rateval_attention.attention.raw_attention:make_raw_attention",
            params="rateval_attention.params:RawAttentionParams",
            shares="recorded attention",
            source='the baseline "raw attention" of Chefer, Gur, Wolf, ICCV 2021',
        ),
    ]


def _of_texts() -> list[Component]:
    return [
        Component(
            name="cross-attention-grad-cam",
            summary="Grad-CAM of an answer on its words' attention to the image, in one layer",
            factory="rateval_attention.answers.cross_grad_cam:make_cross_attention_grad_cam",
            params="rateval_attention.params:CrossAttentionGradCamParams",
            source="Li et al., NeurIPS 2021 (salesforce/ALBEF, Grounding.py), and salesforce/LAVIS "
            "(compute_gradcam), of a match of image and text; of an answer by rateval's extension",
            tasks=_TEXTS,
            by_token=True,
        ),
        Component(
            name="token-attention",
            summary="Attention of an answer's tokens to the image in the last layers",
            factory="rateval_attention.answers.token_attention:make_token_attention",
            params="rateval_attention.params:TokenAttentionParams",
            source="rateval",
            tasks=_TEXTS,
            by_token=True,
        ),
    ]


def _of_pixels() -> list[Component]:
    return [
        Component(
            name="input-gradient",
            summary="Gradient by the pixels, or gradient times input, summed in each patch",
            factory="rateval_attention.pixels.input_gradient:make_input_gradient",
            params="rateval_attention.params:InputGradientParams",
            source="Simonyan, Vedaldi, Zisserman, ICLR workshop 2014; Shrikumar et al., arXiv "
            "1605.01713",
        ),
        Component(
            name="integrated-gradients",
            summary="Integrated gradients of the pixels through captum, summed in each patch",
            factory="rateval_attention.pixels.integrated_gradients:make_integrated_gradients",
            params="rateval_attention.params:IntegratedGradientsParams",
            tasks=_ANY_TASK,
            by_token=True,
            requires=("captum",),
            extra="captum",
            source="Sundararajan, Taly, Yan, ICML 2017; captum",
        ),
        Component(
            name="precomputed",
            summary="Maps from files, for explainers that ran elsewhere",
            factory="rateval_attention.maps.precomputed:make_precomputed",
            params="rateval_attention.params:PrecomputedParams",
            tasks=_ANY_TASK,
            digest="rateval_attention.maps.digest:digest",
            source="rateval",
        ),
    ]


def _nulls() -> list[Component]:
    return [
        Component(
            name="random",
            summary="Null explainer: a random map for each image",
            factory="rateval_attention.maps.random_map:make_random",
            params="rateval_attention.params:RandomParams",
            tasks=_ANY_TASK,
            by_token=True,
            seeded=True,
            source="rateval",
        ),
        Component(
            name="center-prior",
            summary="Null explainer: a peak in the centre of every image",
            factory="rateval_attention.maps.center_prior:make_center_prior",
            params="rateval_attention.params:CenterPriorParams",
            tasks=_ANY_TASK,
            source="rateval",
        ),
    ]

"""The models of ALBEF and BLIP, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl

_REQUIRES = ("timm", "tokenizers", "torchvision", "transformers")
_TEXTS = "rateval.api.tasks.texts:TextModel"
_BLIP = "Li et al., ICML 2022; github.com/salesforce/BLIP"


@hookimpl
def rateval_register_models() -> list[Component]:
    """Return albef and blip, and the BLIPs that answer in texts."""
    return [
        Component(
            name="albef",
            summary="ALBEF's dual encoder from official checkpoints",
            factory="rateval_vlp.model:make_albef",
            params="rateval_vlp.params:AlbefParams",
            digest="rateval_vlp.files:digest",
            detect="rateval_vlp.detection:detect_albef",
            requires=_REQUIRES,
            extra="vlp",
            source="Li et al., NeurIPS 2021; github.com/salesforce/ALBEF",
        ),
        Component(
            name="blip",
            summary="BLIP's dual encoder from official checkpoints or Hugging Face folders",
            factory="rateval_vlp.model:make_blip",
            params="rateval_vlp.params:BlipParams",
            digest="rateval_vlp.files:digest",
            detect="rateval_vlp.detection:detect_blip",
            requires=_REQUIRES,
            extra="vlp",
            source=_BLIP,
        ),
        Component(
            name="blip-vqa",
            summary="BLIP that answers questions, through transformers' own class",
            factory="rateval_vlp.answering.making:make_blip_vqa",
            params="rateval_vlp.answering.params:BlipVqaParams",
            digest="rateval_vlp.answering.files:digest",
            detect="rateval_vlp.answering.detection:detect_blip_vqa",
            requires=_REQUIRES,
            extra="vlp",
            source=_BLIP,
            tasks=("vqa",),
            protocol=_TEXTS,
        ),
        Component(
            name="blip-caption",
            summary="BLIP that writes captions, through transformers' own class",
            factory="rateval_vlp.answering.making:make_blip_caption",
            params="rateval_vlp.answering.params:BlipCaptionParams",
            digest="rateval_vlp.answering.files:digest",
            detect="rateval_vlp.answering.detection:detect_blip_caption",
            requires=_REQUIRES,
            extra="vlp",
            source=_BLIP,
            tasks=("captioning",),
            protocol=_TEXTS,
        ),
    ]

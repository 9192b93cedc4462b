"""The models of Hugging Face folders, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl


@hookimpl
def rateval_register_models() -> list[Component]:
    """Return hf-clip and vlm."""
    return [
        Component(
            name="hf-clip",
            summary="CLIP or SigLIP from a Hugging Face folder on disk",
            factory="rateval_hf.model:make_hf_clip",
            params="rateval_hf.params:HfClipParams",
            digest="rateval_hf.files:digest",
            detect="rateval_hf.detection:detect",
            requires=("torchvision", "transformers"),
            extra="hf",
            wraps=(
                "transformers.models.clip.modeling_clip.CLIPModel",
                "transformers.models.siglip.modeling_siglip.SiglipModel",
            ),
            wrapper="rateval_hf.wrapped:wrap_hf_clip",
            source="github.com/huggingface/transformers, CLIPModel and SiglipModel",
        ),
        Component(
            name="vlm",
            summary="LLaVA, SmolVLM, Idefics3 or Qwen-VL from a Hugging Face folder on disk",
            factory="rateval_hf.writing.making:make_vlm",
            params="rateval_hf.writing.params:VlmParams",
            digest="rateval_hf.writing.files:digest",
            requires=("jinja2", "tokenizers", "torchvision", "transformers"),
            extra="hf",
            source="github.com/huggingface/transformers, AutoModelForImageTextToText",
            tasks=("vqa", "captioning"),
            protocol="rateval.api.tasks.texts:TextModel",
        ),
    ]

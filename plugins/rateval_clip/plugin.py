"""The clip model, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl


@hookimpl
def rateval_register_models() -> list[Component]:
    """Return clip."""
    return [
        Component(
            name="clip",
            summary="CLIP through open_clip's own classes",
            factory="rateval_clip.model:make_clip",
            params="rateval_clip.params:ClipParams",
            digest="rateval_clip.identity:digest",
            detect="rateval_clip.detection:detect",
            requires=("open_clip", "torchvision", "transformers"),
            extra="clip",
            wraps=("open_clip.model.CLIP", "open_clip.model.CustomTextCLIP"),
            wrapper="rateval_clip.encoder:wrap_clip",
            source="Radford et al., ICML 2021; github.com/mlfoundations/open_clip",
        )
    ]

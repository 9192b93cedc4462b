"""Register the generic-attention attribution."""

from __future__ import annotations

from rateval.api import Component, hookimpl


@hookimpl
def rateval_register_attributions() -> list[Component]:
    """Return generic-attention."""
    return [
        Component(
            name="generic-attention",
            summary="Generic Attention Attribution of the vision transformer",
            factory="rateval_attention.attribution:make_generic_attention",
            params="rateval_attention.params:GenericAttentionParams",
            source="Chefer, Gur, Wolf, ICCV 2021, section 3; from the class token as published, "
            "from a mean or an attention pool by rateval's extension",
        )
    ]

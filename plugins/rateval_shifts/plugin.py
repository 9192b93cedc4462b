"""The shifts, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl
from rateval_shifts.reasons.components import list_components


@hookimpl
def rateval_register_shifts() -> list[Component]:
    """Return ``corruption``, and the shifts that test the reason."""
    corruption = Component(
        name="corruption",
        summary="One of ImageNet-C's 19 corruptions at severity 1 to 5, made on the fly",
        factory="rateval_shifts.corruptions.shift:make_shift",
        params="rateval_shifts.params:CorruptionParams",
        source="Hendrycks and Dietterich, ICLR 2019",
    )
    return [corruption, *list_components()]

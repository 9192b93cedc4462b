from __future__ import annotations

import pytest

from rateval.api import Component
from rateval.component import Kind
from rateval.testing import check_component
from rateval_finetune.plugin import rateval_register_finetuners
from rateval_rationality.plugin import rateval_register_metrics, rateval_register_validators

BUNDLED: list[tuple[Kind, Component]] = [
    *(("finetuner", component) for component in rateval_register_finetuners()),
    *(("validator", component) for component in rateval_register_validators()),
    *(("metric", component) for component in rateval_register_metrics()),
]

# What a check needs beside the defaults: short training, a local checkpoint, …
PARAMS: dict[tuple[Kind, str], dict[str, object]] = {
    ("finetuner", "ft"): {"epochs": 2, "lr": 1e-3, "batch_size": 10},
}


@pytest.mark.parametrize(
    ("kind", "component"), BUNDLED, ids=[f"{kind}-{c.name}" for kind, c in BUNDLED]
)
def test_keeps_its_promises(kind: Kind, component: Component) -> None:
    check_component(component, kind, **PARAMS.get((kind, component.name), {}))

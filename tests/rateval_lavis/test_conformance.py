from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rateval.testing import check_component
from rateval_lavis.plugin import rateval_register_models

COMPONENTS = {component.name: component for component in rateval_register_models()}


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_keeps_a_models_promises(name: str, vocabulary: Path, size: dict[str, Any]) -> None:
    check_component(
        COMPONENTS[name], "model", pretrained="random", size=size, vocabulary=str(vocabulary)
    )

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rateval.testing import check_component
from rateval_lavis.plugin import rateval_register_models

# The one that answers is tried by its own tests.
COMPONENTS = {one.name: one for one in rateval_register_models() if not one.protocol}


@pytest.mark.parametrize("name", sorted(COMPONENTS))
def test_keeps_a_models_promises(name: str, vocabulary: Path, size: dict[str, Any]) -> None:
    check_component(
        COMPONENTS[name], "model", pretrained="random", size=size, vocabulary=str(vocabulary)
    )

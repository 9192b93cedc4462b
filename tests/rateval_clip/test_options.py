"""Every config that open_clip ships for a tower of this plugin is accepted as it is."""

from __future__ import annotations

import open_clip
import pytest

from rateval.api import RatevalError
from rateval_clip.architecture import check_config

OTHER_TOWERS = ("a CoCa", "its image tower is a ResNet", "its text tower is transformers'")


@pytest.mark.parametrize("name", open_clip.list_models())
def test_shipped_configs(name: str) -> None:
    config = open_clip.get_model_config(name)
    try:
        assert check_config(config, name) == config
    except RatevalError as error:
        assert any(reason in str(error) for reason in OTHER_TOWERS)

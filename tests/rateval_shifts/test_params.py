from __future__ import annotations

import pickle
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from rateval.registry.describe import describe_parameters
from rateval_datasets.public.params import Corruption as Folder
from rateval_shifts.corruptions.shift import CORRUPTIONS
from rateval_shifts.params import GROUPS, CorruptionParams, Type


def test_types_are_the_folders_of_imagenet_c() -> None:
    assert get_args(Type) == get_args(Folder) == tuple(CORRUPTIONS)


def test_every_type_is_of_one_group() -> None:
    named = [type_ for types in GROUPS.values() for type_ in types]
    assert sorted(named) == sorted(get_args(Type))
    assert CorruptionParams.type_groups["fog"] == "weather"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"type": "rain"}, "Input should be 'gaussian_noise'"),
        ({"severity": 0}, "greater than or equal to 1"),
        ({"severity": 6}, "less than or equal to 5"),
        ({"severity": [1, 3]}, "valid integer"),
        ({"as": "imagenet"}, "Input should be 'any' or 'imagenet-c'"),
        ({"seed": -1}, "greater than or equal to 0"),
        ({"size": "any"}, "Extra inputs are not permitted"),
    ],
)
def test_a_bad_value_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        CorruptionParams.model_validate({"type": "fog", "severity": 1} | wrong)


def test_what_is_written_down_is_read_back() -> None:
    given = {"type": "fog", "severity": 3, "seed": 7, "as": "imagenet-c", "files": None}
    params = CorruptionParams.model_validate(given)
    assert params.size == "imagenet-c"
    assert params.model_dump(mode="json") == given
    assert pickle.loads(pickle.dumps(params)) == params


def test_as_is_described_like_every_other() -> None:
    found = {parameter.name: parameter for parameter in describe_parameters(CorruptionParams)}
    assert list(found) == ["type", "severity", "seed", "files", "as"]
    assert (found["as"].type, found["as"].default) == ('"any" | "imagenet-c"', '"any"')
    assert all(parameter.description for parameter in found.values())

"""The identity of a result: a digest of everything that determines it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from rateval.store.manifest import FORMAT


def identify(values: Mapping[str, Any]) -> str:
    """Return a digest of 32 hexadecimal digits of JSON values, whatever the order of their keys.

    >>> identify({"a": 1, "b": [2]}) == identify({"b": [2], "a": 1})
    True
    """
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def identify_result(stage: str, inputs: Mapping[str, Any]) -> str:
    """Return the identity of a stage's result, from everything that determines it."""
    return identify({"format": FORMAT, "stage": stage, "inputs": inputs})

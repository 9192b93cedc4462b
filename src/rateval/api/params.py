"""The base of every component's params."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """Params of a component: no unknown key, no change; each field has description and bounds.

    An attribution's params may take the place of their cell by overriding ``for_cell``.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=()
    )

    def for_cell(self, names: Mapping[str, str]) -> Self:
        """Return the params for one cell of a study: these ones unless a subclass overrides this.

        ``names`` holds the cell's labels under ``dataset``, ``model``, ``finetune`` and ``shift``,
        and its ``seed``; empty where there is none. No two cells may then have the same params.
        """
        return self

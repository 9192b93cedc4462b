"""Locks by their names, whatever they are made of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Holding(Protocol):
    """Locks by their names, however they are held; ``Locks`` says more."""

    def hold(
        self, name: str, *, shared: bool = False, waiting: Callable[[], object] = lambda: None
    ) -> AbstractContextManager[None]:
        """Hold a lock alone, or with others that share it; wait for those that don't."""

    def try_hold(self, name: str) -> AbstractContextManager[bool]:
        """Hold a lock alone if nobody has it; yield whether that is so."""

    def sweep(self) -> None:
        """Delete what is left of locks that nobody holds."""

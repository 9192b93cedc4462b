"""A place in the memory of this process, and what is asked of it."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from rateval.store.fetched import ahead, cache, views


class Far:
    """Objects behind a URL that nobody else has."""

    def __init__(self) -> None:
        self.url = f"memory://tests-{secrets.token_hex(4)}"
        self.fetched: Counter[str] = Counter()

    def put(self, name: str, content: bytes) -> str:
        """Write an object; return its URL."""
        MemoryFileSystem().pipe_file(f"{self.url.removeprefix('memory:/')}/{name}", content)
        return f"{self.url}/{name}"

    def delete(self, name: str) -> None:
        MemoryFileSystem().rm_file(f"{self.url.removeprefix('memory:/')}/{name}")


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    monkeypatch.setenv("RATEVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(cache.VARIABLE, raising=False)
    place = Far()
    get = MemoryFileSystem.get_file

    def counted(self: Any, path: str, to: str, **options: Any) -> Any:
        place.fetched[path.rpartition(place.url.rpartition("/")[2] + "/")[2]] += 1
        return get(self, path, to, **options)

    monkeypatch.setattr(MemoryFileSystem, "get_file", counted)
    cache._forget()
    yield place
    if ahead._ahead.pool is not None:
        ahead._ahead.pool.shutdown()
    ahead._forget()
    views._views.clear()

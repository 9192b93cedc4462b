"""What many tests share: distributions made on the spot, and acme, a plugin of components."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if find_spec("hypothesis"):  # which environments of single plugins may lack
    from hypothesis import settings

    # How long an example takes says more of the machine than of the code.
    settings.register_profile("rateval", deadline=None)
    settings.load_profile("rateval")

MakePlugin = Callable[..., Path]
ACME = Path(__file__).parent / "acme" / "acme"


@pytest.fixture
def make_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePlugin:
    """Return a function that installs a distribution with one plugin for this test alone.

    Processes that the test starts find it as well, unless they get a ``PYTHONPATH`` of their own.
    """

    def make(
        source: str,
        *,
        distribution: str = "acme-plugin",
        version: str = "1.2",
        name: str | None = None,
        offers: Sequence[str] = (),
        needs: Sequence[str] = (),
        **modules: str,
    ) -> Path:
        site = tmp_path / "site" / distribution
        site.mkdir(parents=True)
        module = f"{distribution.replace('-', '_')}_entry"
        for other, text in ({module: source} | modules).items():
            (site / f"{other}.py").write_text(textwrap.dedent(text))
        more = [f"Provides-Extra: {extra}" for extra in offers]
        more += [f"Requires-Dist: {other}" for other in needs]
        describe(site, distribution, version, f"{name or distribution} = {module}", more)
        install(site, monkeypatch)
        return site

    return make


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a distribution whose components can be told to misbehave, and return its folder.

    The package in it, ``acme``, is a copy of its own: tests may change its sources.
    """
    site = tmp_path / "site" / "acme"
    shutil.copytree(ACME, site / "acme", ignore=shutil.ignore_patterns("__pycache__"))
    describe(site, "acme", "1.2", "acme = acme.plugin")
    install(site, monkeypatch)
    return site


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Start a server on the loopback, whose address is yielded."""
    if not all(map(find_spec, ("s3fs", "moto", "flask"))):
        pytest.skip("needs s3fs and moto[server]")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let libraries find the server as they find any: by the environment. Return a bucket."""
    import fsspec

    for name, value in {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_server,
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"bucket-{secrets.token_hex(4)}"
    fsspec.filesystem("s3", use_listings_cache=False).mkdir(bucket)
    return bucket


def describe(
    site: Path, distribution: str, version: str, entry_point: str, more: Sequence[str] = ()
) -> None:
    """Write what an installer leaves beside a distribution's modules."""
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "\n".join(
            ("Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}", *more, "")
        )
    )
    (info / "entry_points.txt").write_text(f"[rateval]\n{entry_point}\n")


def install(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and those it starts import what is in ``site``, until the test is over."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    ours = {path.stem for path in site.iterdir() if path.suffix in ("", ".py")}
    for imported in [name for name in sys.modules if name.partition(".")[0] in ours]:
        monkeypatch.delitem(sys.modules, imported)


@pytest.fixture
def native_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processor be one that has instructions for bfloat16, whatever it is."""
    from rateval.machine.processor import Processor

    new = Processor("New", frozenset(["avx512_bf16"]), lambda: 0.5)
    monkeypatch.setattr("rateval.machine.precision.HERE", new)


class Far:
    """Objects behind a URL that nobody else has."""

    def __init__(self) -> None:
        self.url = f"memory://tests-{secrets.token_hex(4)}"
        self.fetched: Counter[str] = Counter()

    def put(self, name: str, content: bytes) -> str:
        """Write an object; return its URL."""
        from fsspec.implementations.memory import MemoryFileSystem

        MemoryFileSystem().pipe_file(f"{self.url.removeprefix('memory:/')}/{name}", content)
        return f"{self.url}/{name}"

    def delete(self, name: str) -> None:
        from fsspec.implementations.memory import MemoryFileSystem

        MemoryFileSystem().rm_file(f"{self.url.removeprefix('memory:/')}/{name}")


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    """Return a place behind a URL, and an empty cache for what is fetched from there."""
    from fsspec.implementations.memory import MemoryFileSystem

    from rateval.store.fetched import ahead, cache, views

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
    ahead._fetchers.close()
    ahead._forget()
    views._views.clear()

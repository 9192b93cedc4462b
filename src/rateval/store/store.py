"""Content-addressed results on disk: written whole or not at all, reused by their identity."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rateval.errors import StudyError
from rateval.store.disk import UNFINISHED, make_folder, remove, writing
from rateval.store.identity import identify_result
from rateval.store.leftovers import remove_parts, remove_unfinished, sweep
from rateval.store.locks import IN_USE, OF_RUN
from rateval.store.making import make_whole
from rateval.store.manifest import MANIFEST, DamageError, read_manifest
from rateval.store.remote.fetching import bring
from rateval.store.remote.holding import Holding
from rateval.store.remote.opening import open_behind, open_locks


@dataclass(frozen=True, slots=True)
class Stored:
    """The result of a stage."""

    stage: str
    identity: str
    path: Path
    """Folder with the result's files."""
    facts: Mapping[str, Any]
    """Small JSON values that belong to the result."""
    reused: bool
    seconds: float
    """What computing it took, also when it was reused."""


class Store:
    """Results under ``root/<stage>/<identity>/``, which several runs may use at once.

    ``tell`` gets a line about each result that is not what was stored, and when another run is
    waited for. Raises StudyError when ``root`` cannot be written to, now or later.
    """

    def __init__(
        self,
        root: Path,
        *,
        reuse: bool = True,
        tell: Callable[[str], object] = lambda line: None,
        locks: Holding | None = None,
    ) -> None:
        self.root = root
        self.tell = tell
        self._reuse = reuse
        self._locks = locks or self._open_locks()
        self._behind = open_behind(root)
        self._made: set[str] = set()
        self._begun: set[str] = set()
        self._told: set[str] = set()
        self._whole: set[tuple[Path, str]] = set()
        """Results whose digests were found right, with what their manifests said."""

    def _open_locks(self) -> Holding:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return open_locks(self.root)
        except OSError as error:
            raise StudyError(
                f'run.output: "{self.root.parent}" cannot be written to: {error.strerror}; '
                "choose another folder with --output"
            ) from None

    def fetch(self, stage: str, inputs: Mapping[str, Any], *, whole: bool = False) -> Stored | None:
        """Return the stored result of these inputs, or None; see ``find``."""
        identity = identify_result(stage, inputs)
        if not self._reuse and identity not in self._made:
            return None
        return self.find(stage, identity, whole=whole)

    def find(self, stage: str, identity: str, *, whole: bool = False) -> Stored | None:
        """Return a stored result by its identity, whoever made it and when, or None.

        One that lacks something is none, and that is told: it is made anew. Whoever is going to
        read its files asks for a ``whole`` one, whose every bit is looked at, once per process.
        """
        path = self.root / stage / identity
        try:
            manifest = self._check(path, whole)
        except DamageError:
            try:
                with self.reading([identity]):  # another run may have replaced it meanwhile
                    manifest = self._check(path, whole)
            except DamageError as flaw:
                self._tell(f"{flaw}; this result is not used, and made anew where it is needed")
                return None
        if manifest is None:
            return None
        return Stored(stage, identity, path, manifest["facts"], True, manifest["seconds"])

    def _check(self, path: Path, whole: bool) -> Mapping[str, Any] | None:
        if not self._behind.find(path):
            return None
        manifest = read_manifest(path)
        seen = path, manifest["digest"]
        digests = whole and seen not in self._whole
        self._behind.check(path, manifest, whole=whole, digests=digests)
        if whole:
            self._whole.add(seen)
        return manifest

    def path_of(self, stage: str, identity: str) -> Path:
        """Return the folder of a result that is known to be stored, with its files."""
        bring(self.root / stage / identity)
        return self.root / stage / identity

    def make(
        self,
        stage: str,
        inputs: Mapping[str, Any],
        write: Callable[[Path], Mapping[str, Any]],
        spent: Callable[[], float] = lambda: 0.0,
    ) -> Stored:
        """Compute and keep a result: ``write`` fills the folder it is given and returns the facts.

        The folder appears under its final name when it is complete, so that an interruption at any
        moment leaves nothing that looks like a result. Where another run makes the same, its
        result is waited for and taken. ``spent`` returns the seconds, once it is written, that were
        spent on it before. A StudyError says which file could not be written.
        """
        identity = identify_result(stage, inputs)
        with self._locks.hold(f"{identity}.make", waiting=self._waits):
            stored = self.fetch(stage, inputs, whole=True)
            if stored is None:
                put = partial(self._put, stage=stage, identity=identity)
                facts, seconds = make_whole(self.root, stage, inputs, write, spent, put)
                path = self.root / stage / identity
                stored = Stored(stage, identity, path, facts, False, seconds)
                self._made.add(identity)
                self._behind.finish(stored.path, self._unfinished(stage, identity))
            remove_unfinished(self.root, stage, identity)
        return stored

    def _put(self, work: Path, stage: str, identity: str) -> None:
        work.chmod(0o755)  # mkdtemp makes it private; a result is as readable as its neighbours
        final = work.with_name(identity)
        if not os.path.lexists(final):
            work.rename(final)
        elif not self._is_equal(work, stage, identity):  # else whoever reads it may go on
            aside = final.with_name(f".{identity}-{secrets.token_hex(4)}")
            with self._locks.hold(f"{identity}.read", waiting=self._waits):
                final.rename(aside)
                work.rename(final)
            remove(aside)

    def _is_equal(self, work: Path, stage: str, identity: str) -> bool:
        old = self.find(stage, identity, whole=True)
        if old is None:
            return False
        ours, theirs = read_manifest(work), read_manifest(old.path)
        return all(ours[key] == theirs[key] for key in ("files", "facts"))

    @contextmanager
    def reading(self, identities: Iterable[str]) -> Iterator[None]:
        """Keep results from being replaced while they are read."""
        with ExitStack() as stack:
            for identity in sorted(set(identities)):
                stack.enter_context(
                    self._locks.hold(f"{identity}.read", shared=True, waiting=self._waits)
                )
            yield

    @contextmanager
    def sharing(self, identity: str) -> Iterator[None]:
        """Make parts of a result, as others may; whoever makes the whole of it waits for that."""
        with self._locks.hold(f"{identity}.make", shared=True, waiting=self._waits):
            yield

    @contextmanager
    def owning(self, run: Path) -> Iterator[None]:
        """Show to other runs that the run of this folder goes on."""
        with self.using(), self._locks.hold(f"{run.name}{OF_RUN}"):
            yield

    def shards_of(self, stage: str, identity: str) -> Store:
        """Return a store for the shards of a result, which are deleted when that is there.

        It outlives an interruption, and is for processes that work side by side.
        """
        folder = self.root / f"{stage}{UNFINISHED}" / identity
        return Store(folder, reuse=self._reuse, tell=self.tell, locks=self._locks)

    def begin_shards(self, stage: str, identity: str) -> set[str]:
        """Return the identities of the shards that are there; for whoever has them made.

        Where nothing is reused, those of another run are deleted first, unless it is at work on
        them.
        """
        if not self._reuse:
            with self._locks.try_hold(f"{identity}.make") as free:
                if free:
                    remove_unfinished(self.root, stage, identity)
        shards = self.root / f"{stage}{UNFINISHED}" / identity / stage
        return {path.parent.name for path in shards.glob(f"[!.]*/{MANIFEST}")}

    def using(self) -> AbstractContextManager[None]:
        """Keep results from being deleted, those among them that no run names yet."""
        return self._locks.hold(IN_USE, shared=True, waiting=self._waits_for_pruning)

    def is_free(self, identity: str) -> bool:
        """Return whether nobody makes a result just now, as far as that can be known."""
        with self._locks.try_hold(f"{identity}.make") as free:
            return free

    @contextmanager
    def aside(self, stage: str) -> Iterator[Path]:
        """Yield a folder for what is moved into results of a stage later on, in this context."""
        name = secrets.token_hex(16)  # in the place of an identity: whoever sweeps looks for a lock
        with ExitStack() as stack:
            stack.enter_context(self._locks.hold(f"{name}.make", waiting=self._waits))
            with writing(self.root / stage):
                make_folder(self.root / stage)
                folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=self.root / stage))
            stack.callback(remove, folder)
            yield folder

    def unfinished(self, stage: str, inputs: Mapping[str, Any]) -> Path:
        """Return a folder for the state of a result that takes long; for whoever makes it.

        It outlives an interruption, but not a run that reuses nothing, and is deleted when the
        result is there.
        """
        identity = identify_result(stage, inputs)
        folder = self._unfinished(stage, identity)
        with writing(folder):
            if not self._reuse and identity not in self._begun:
                remove(folder)
            self._begun.add(identity)
            make_folder(folder.parent)
            make_folder(folder)
            remove_parts(folder)
        return folder

    def _unfinished(self, stage: str, identity: str) -> Path:
        return self.root / f"{stage}{UNFINISHED}" / identity

    def sweep(self) -> None:
        """Delete what runs left behind that are done or dead, and what a mirror has no room for."""
        sweep(self.root, self._locks)
        self._behind.sweep(self.root, self._locks)

    def _waits(self) -> None:
        self.tell("waits for another run that works on the same result")

    def _waits_for_pruning(self) -> None:
        self.tell("waits until results that no run names are deleted")

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self.tell(line)

"""A logbook on disk: what training reports, and what an interrupted one goes on from."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import safetensors

from rateval.api.protocols import Classifier, Split
from rateval.api.training import Monitor
from rateval.api.values import Epoch
from rateval.machine.memory import find_available
from rateval.modelkit.writing import copy_tensors, write_copies
from rateval.store.disk import digest_file, remove, writing
from rateval.training.behind import MEMORY, Behind, Clock, Pace

if TYPE_CHECKING:
    import torch

Examine = Callable[[Classifier], Mapping[str, float | None]]
"""Score a classifier on the samples held out."""

_SUFFIX, _TOLD = ".safetensors", "told"
_ROOM = 2
"""How many times a state must fit into memory to be written while the training goes on."""


class FolderLogbook:
    """A ``rateval.api.Logbook``: progress on a monitor, the rest in a folder.

    The state is one file, tensors and their facts, whose name holds its digest. An interruption
    while the next one is written leaves the one before. It is kept as often as takes 2 % of the
    time, from a copy and while the training goes on; used as a context, it ends with that done.
    Between two of them the last state is held in memory, as often as takes 2 % of the time, too:
    Ctrl-C writes that one.
    """

    def __init__(
        self,
        monitor: Monitor,
        folder: Path,
        examine: Examine | None = None,
        examined: tuple[str, ...] = (),
        held_out: Split | None = None,
        clock: Clock = monotonic,
    ) -> None:
        self._monitor = monitor
        self._folder = folder
        self._examine = examine
        self.examined = examined
        self.held_out = held_out
        self.epochs: list[Epoch] = []
        """The curve so far, with what was resumed."""
        self.told: dict[str, Any] = {}
        """What else was kept by ``tell``; a training that goes on keeps it again."""
        self._left = 0
        self._pace, self._behind = Pace(clock), Behind()
        self._memory_pace = Pace(clock, MEMORY)
        self._newest: Callable[[], None] | None = None
        """Writes a state that is newer than the kept one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait until the state is kept. Raises StudyError when the disk refuses it."""
        with nullcontext() if kind is None else suppress(Exception):  # the first error is told
            self._behind.finish()
            if self._newest is not None and isinstance(error, KeyboardInterrupt):
                self._newest()

    def begin(self, total: int) -> None:
        """Announce the number of samples."""
        self._left = total
        self._monitor.begin(total)

    def advance(self, samples: int, note: str = "") -> None:
        """Count samples done. Raises StudyError when the disk refused a state meanwhile."""
        self._behind.require_success()
        self._left -= samples
        self._monitor.advance(samples, note)

    def examine(self, classifier: Classifier) -> Mapping[str, float | None]:
        """Score the classifier on the samples held out; nothing when there are none."""
        return {} if self._examine is None else self._examine(classifier)

    def record(self, epoch: Epoch) -> None:
        """Add an epoch to the curve."""
        self.epochs.append(epoch)

    def tell(self, name: str, value: Any) -> None:
        """Keep a value beside the curve."""
        self.told[name] = value

    def save(self, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the kept state, if that is due: the one before is gone on from otherwise.

        Raises StudyError when the disk refuses it, or refused the one before.
        """
        self._behind.require_success()
        size, last = sum(tensor.nbytes for tensor in tensors.values()), self._left <= 0
        kept = self._pace.is_due(size, last=last) and (last or not self._behind.is_busy)
        if not kept and not self._memory_pace.is_due(size):
            return
        available = find_available()
        fits = available is None or available >= _ROOM * size
        if not kept:
            if fits:
                self._memory_pace.timed(partial(self._hold, tensors, facts))
            return
        write = self._copy(tensors, facts)
        self._newest = None
        if not fits:
            self._pace.timed(write)
        else:
            self._behind.start(partial(self._pace.timed, write))

    def _hold(self, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        self._newest = None  # before there are two of them
        self._newest = self._copy(tensors, facts)

    def save_now(self, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the kept state, whether that is due or not, and wait until it is done.

        Raises StudyError when the disk refuses it.
        """
        self._copy(tensors, facts)()

    def _copy(
        self, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]
    ) -> Callable[[], None]:
        state = {"facts": dict(facts), "epochs": [asdict(epoch) for epoch in self.epochs]}
        metadata = {_TOLD: json.dumps(state, allow_nan=False)}
        return partial(self._write, copy_tensors(tensors), metadata, len(self.epochs))

    def _write(
        self, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str], number: int
    ) -> None:
        unfinished = self._folder / f".{secrets.token_hex(4)}.part"
        try:
            with writing(self._folder):
                write_copies(tensors, unfinished, metadata)
                digest = digest_file(unfinished)
                kept = self._folder / f"{number:06}-{digest}{_SUFFIX}"
                unfinished.replace(kept)
        finally:
            unfinished.unlink(missing_ok=True)
        for old in set(self._states()) - {kept}:
            remove(old)

    def resume(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return the kept state and take up its curve, or None; a damaged one is told."""
        self._behind.finish()
        for path in self._states():
            if not self._is_whole(path):
                continue
            with safetensors.safe_open(path, "pt") as file:
                state = json.loads(file.metadata()[_TOLD])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
            return tensors, state["facts"]
        return None

    def _states(self) -> list[Path]:
        """Return the states that there are, the last one first: two after a kill between them."""
        return sorted(self._folder.glob(f"*{_SUFFIX}"), reverse=True)

    def _is_whole(self, path: Path) -> bool:
        try:
            what = "was cut or changed since it was stored"
            if digest_file(path) == path.name.removesuffix(_SUFFIX).rpartition("-")[2]:
                return True
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
        self.advance(0, f"{path}: {what}; the training does not go on from it")
        return False

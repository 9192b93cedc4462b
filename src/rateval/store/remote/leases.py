"""Locks by lease: an object that says who holds it and until when, renewed while it is held.

For places whose file system has no locks. A lease that was not renewed for its whole life is taken
over. Two who believe that they hold the same one compute the same result twice, which is waste and
never damage: results are whole, and named after what determines them.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from rateval.errors import StudyError
from rateval.store.remote.objects import Objects

LIFE_S = 60.0
"""Seconds that a lease is good for; it is renewed at a third of it."""
SETTLE_S = 0.3
"""Seconds after which one that was taken over is looked at again: somebody else may have, too."""
_POLL_S = 0.5
_PATIENCE_S = 1.0
"""Seconds before a wait is worth a word."""
_SHARED = ".shared"
"""End of the name of what holds a lease for each of those that share it."""


@dataclass(eq=False, slots=True)
class Lease:
    """One lease that this process holds."""

    objects: Objects
    key: str
    life: float
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def content(self) -> bytes:
        """Return what the object says now."""
        said = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "token": self.token,
            "expires": time.time() + self.life,
        }
        return json.dumps(said).encode()

    def is_mine(self) -> bool:
        """Return whether the object is there and says that this one holds it."""
        found = _read(self.objects, self.key)
        return found is not None and found.get("token") == self.token

    def release(self) -> None:
        """Delete the object if it is still one's own."""
        with suppress(StudyError):  # what can't be deleted runs out
            if self.is_mine():
                self.objects.delete(self.key)


class _Renewing:
    """The thread of a process that renews all leases that it holds, each when it is due."""

    def __init__(self) -> None:
        self._due: dict[Lease, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, lease: Lease) -> None:
        with self._changed:
            self._due[lease] = time.monotonic() + lease.life / 3
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
                self._thread.start()
            self._changed.notify()

    def discard(self, lease: Lease) -> bool:
        """Renew a lease no more; return whether this process had it."""
        with self._changed:
            return self._due.pop(lease, None) is not None

    def _renew(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for lease in [lease for lease, due in self._due.items() if due <= now]:
                    self._due[lease] = now + lease.life / 3
                    with suppress(StudyError):  # the next time may come out well
                        if lease.is_mine():
                            lease.objects.write(lease.key, lease.content())
                due = min(self._due.values(), default=None)
                self._changed.wait(None if due is None else max(0.0, due - time.monotonic()))


_renewing = _Renewing()


def _forget() -> None:
    global _renewing
    _renewing = _Renewing()  # a forked child holds none of its parent's leases


os.register_at_fork(after_in_child=_forget)


class Leases:
    """Locks by their names, each an object below ``folder`` for as long as somebody has it.

    ``sharing`` says whether any of them is shared. Raises StudyError when the place cannot be
    written to.
    """

    def __init__(
        self, objects: Objects, folder: str, *, life: float | None = None, sharing: bool = True
    ) -> None:
        self._objects, self._folder, self._sharing = objects, folder, sharing
        self._life = LIFE_S if life is None else life
        self._seen: dict[str, tuple[object, float]] = {}
        """What was last read of leases of others, and since when it has been so."""

    @contextmanager
    def hold(
        self, name: str, *, shared: bool = False, waiting: Callable[[], object] = lambda: None
    ) -> Iterator[None]:
        """Hold a lease alone, or with others that share it; wait for those that don't.

        ``waiting`` is called once when that takes more than a moment.
        """
        lease, started, said = self._try(name, shared), time.monotonic(), False
        while lease is None:
            time.sleep(min(_POLL_S, self._life / 5))
            if not said and time.monotonic() - started > _PATIENCE_S:
                waiting()
                said = True
            lease = self._try(name, shared)
        try:
            yield
        finally:
            self._release(lease)

    @contextmanager
    def try_hold(self, name: str) -> Iterator[bool]:
        """Hold a lease alone if nobody has it; yield whether that is so."""
        lease = self._try(name, shared=False)
        try:
            yield lease is not None
        finally:
            if lease is not None:
                self._release(lease)

    def sweep(self) -> None:
        """Delete leases that have run out."""
        for name in self._objects.list(self._folder):
            key = f"{self._folder}/{name}"
            if name.endswith(_SHARED):
                self._is_shared(key)
            else:
                self._take_over(key)

    def _try(self, name: str, shared: bool) -> Lease | None:
        key = f"{self._folder}/{name}"
        if shared:
            lease = Lease(self._objects, f"{key}{_SHARED}/{secrets.token_hex(8)}", self._life)
            self._objects.write(lease.key, lease.content())
            free = self._take_over(key)
        else:
            lease = Lease(self._objects, key, self._life)
            free = self._create(lease) and not self._is_shared(f"{key}{_SHARED}")
            if not free and not lease.is_mine():
                return None
        # Each writes before it looks for the other, so that never both go on.
        if not free:
            lease.release()
            return None
        _renewing.add(lease)
        return lease

    def _create(self, lease: Lease) -> bool:
        if self._objects.create(lease.key, lease.content()):
            return True
        if not self._take_over(lease.key) or not self._objects.create(lease.key, lease.content()):
            return False
        time.sleep(min(SETTLE_S, self._life / 10))
        return lease.is_mine()

    def _take_over(self, key: str) -> bool:
        """Return whether a key is free, after deleting a lease of it that has run out."""
        found = _read(self._objects, key)
        if found is None:
            self._seen.pop(key, None)
            return True
        if not self._is_over(key, found) or _read(self._objects, key) != found:
            return False
        self._objects.delete(key)
        self._seen.pop(key, None)
        return True

    def _is_over(self, key: str, found: dict[str, object]) -> bool:
        """Return whether a lease has run out: by its own word, or unchanged for its whole life.

        Its word is by another computer's clock, so that a whole life more is given to it.
        """
        now = time.monotonic()
        said, since = self._seen.get(key, (None, now))
        self._seen[key] = (found, since if said == found else now)
        expires = found.get("expires")
        late = isinstance(expires, int | float) and time.time() > expires + self._life
        return late or (said == found and now - since > self._life)

    def _is_shared(self, folder: str) -> bool:
        if not self._sharing:
            return False
        return not all(self._take_over(f"{folder}/{one}") for one in self._objects.list(folder))

    def _release(self, lease: Lease) -> None:
        if _renewing.discard(lease):
            lease.release()


def _read(objects: Objects, key: str) -> dict[str, object] | None:
    """Return what a lease says, None where there is none; what is no lease says nothing."""
    try:
        said = json.loads(objects.read(key))
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}

"""A process that kills itself at its k-th operation on files: where a power cut could come.

Armed by the environment, so that processes which a run spawns die, too. All of them count together,
by the length of a file to which each operation appends a byte. Python tells of what it opens,
renames, makes and deletes; what libraries write from C++ or Rust lies between two of these.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VARIABLE = "RATEVAL_FAULTS_KILL"
_EVENTS = {
    "open",
    "os.chmod",
    "os.link",
    "os.listdir",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.scandir",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "shutil.rmtree",
}


@dataclass(frozen=True, slots=True)
class Kill:
    """Which operation is the last one of whom."""

    folder: str
    """Only what happens in here counts."""
    counter: str
    """File whose length is the number of operations so far."""
    at: int
    """Operation that is not reached any more, from 1 on; 0 only counts."""
    everybody: bool = False
    """Whether all processes of the run die at once, as by a power cut, or the one that is there."""

    @property
    def environment(self) -> dict[str, str]:
        """What a process must find to be killed this way."""
        return {VARIABLE: json.dumps(asdict(self))}

    @property
    def counted(self) -> int:
        """Operations so far."""
        counter = Path(self.counter)
        return counter.stat().st_size if counter.exists() else 0

    @property
    def hit(self) -> bool:
        """Whether somebody got as far as the operation, and died."""
        return 0 < self.at <= self.counted


def arm() -> None:
    """Count from now on if the environment asks for it; a hook can't be taken out again."""
    asked = os.environ.get(VARIABLE)
    if not asked:
        return
    kill = Kill(**json.loads(asked))
    counter = os.open(kill.counter, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
    inside = kill.folder.rstrip("/") + "/"

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _EVENTS or not any(_is_inside(part, inside) for part in arguments[:2]):
            return
        os.write(counter, b".")
        if os.lseek(counter, 0, os.SEEK_CUR) == kill.at:
            if kill.everybody:
                os.killpg(0, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def _is_inside(part: object, folder: str) -> bool:
    if not isinstance(part, str | bytes | os.PathLike):
        return False
    path = os.path.abspath(os.fsdecode(part))  # noqa: PTH100 - pathlib would be hooked itself
    return (path + "/").startswith(folder)

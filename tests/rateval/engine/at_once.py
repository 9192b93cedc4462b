"""Runs in processes of their own that start in a moment: forked from one that has run already.

``python at_once.py pairs`` starts runs of one study two at a time, ``python at_once.py kills``
kills runs at one file operation after the other. A failed assertion is a traceback, and 1.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

import rateval
from rateval.store.manifest import require_whole
from rateval.store.store import Store

OPERATIONS = ("open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree")
"""Audit events before which a run may be killed."""


def spec(epochs: int) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "train": 12, "test": 7}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "ft", "epochs": epochs, "batch_size": 4}],
        "metric": [{"use": "accuracy"}, {"use": "pt"}],
        "run": {"device": "cpu", "batch_size": 3, "shard_size": 3},
    }


def fork(work: Callable[[], object]) -> int:
    """Do something in a process of its own; return its number."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def end_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(output: str, epochs: int, *, reuse: bool = True) -> None:
    """Run the study and leave its numbers, and which steps were reused, in a file."""
    record = rateval.run(spec(epochs), output=output, reuse=reuse)
    assert record.status == "finished", record.failures
    numbers = record.model_dump(mode="json", include={"cells", "trainings"})
    reused = {stage.stage: stage.reused for stage in record.stages}
    (record.path / "told.json").write_text(json.dumps([numbers, reused]))


def told(output: str) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted(Path(output).glob("*/told.json"))]


def require_nothing_left(output: str) -> None:
    left = [path for path in Path(output).rglob("*") if path.name.startswith(".")]
    left += Path(output).glob("store/*-unfinished")
    assert not left, left


def try_pairs() -> None:
    run("alone", 8)
    ((alone, _),) = told("alone")
    for first, second in ((True, True), (True, False), (False, True), (False, False)):
        output = f"{first}-{second}"
        children = [fork(partial(run, output, 8, reuse=reuse)) for reuse in (first, second)]
        assert [end_of(child) for child in children] == [0, 0], output
        found = told(output)
        assert [numbers for numbers, _ in found] == [alone, alone], output
        trained = sum(not reused["finetune"] for _, reused in found)
        # One that reuses may be the first, or take what the other one made.
        assert trained == 1 if first and second else trained in (2, 2 - (first or second))
        require_nothing_left(output)


def replace_always() -> None:
    # Else a result that is equal to the one before would be kept.
    Store._is_equal = lambda *_: False  # type: ignore[method-assign]


def kill_at(number: int, output: str, counted: Path | None = None) -> None:
    """Let this process die before its file operation of that number, or count them all."""
    replace_always()
    seen = 0

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in OPERATIONS or not str(arguments[0]).startswith(output):
            return
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)
    run(output, 2, reuse=False)
    if counted is not None:
        counted.write_text(str(seen))


def try_kills(kills: int) -> None:
    output, counted = "killed", Path("counted")
    run(output, 2)
    ((whole, _),) = told(output)
    assert end_of(fork(partial(kill_at, 0, output, counted))) == 0
    count = int(counted.read_text())
    assert count > kills
    for at in range(kills):
        number = 1 + at * count // kills
        assert end_of(fork(partial(kill_at, number, output))) == -signal.SIGKILL
        for stage in ("finetune", "infer", "judge", "score"):
            for result in Path(output, "store", stage).glob("[!.]*"):
                require_whole(result)
        assert end_of(fork(partial(run, output, 2))) == 0, number
        assert all(numbers == whole for numbers, _ in told(output)), number
        require_nothing_left(output)


if __name__ == "__main__":
    torch.set_num_threads(1)  # those that compute along would not be there after a fork
    if sys.argv[1] == "pairs":
        try_pairs()
    else:
        try_kills(int(sys.argv[2]))

"""Fine-tuning in several processes that share each step, one per GPU or per group of cores."""

from __future__ import annotations

import multiprocessing
import os
import queue
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch.distributed import FileStore  # type: ignore[attr-defined]  # no list of exports has it

from rateval.api.component import Context
from rateval.api.training import Monitor
from rateval.errors import RatevalError, StudyError
from rateval.machine.interrupts import raise_missed_interrupt
from rateval.machine.processes import (
    POLL_S,
    TellingMonitor,
    pass_on,
    serve_parent,
    share_threads,
)
from rateval.machine.readers import share_readers
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.progress import SilentMonitor
from rateval.records.facts import FinetuneFacts
from rateval.stages.finetune import save_state
from rateval.store.locks import can_lock
from rateval.training.fitting import Fitting
from rateval.workbench.bench import Workbench

_FACTS = "facts-{}.json"
_PATIENCE = timedelta(hours=12)
"""How long processes wait for the first one while it examines a classifier."""
_LAST_MOMENTS_S = 1.0
"""How long a process that lost its connections is dead before its end can be seen, at most."""


@dataclass(frozen=True, slots=True)
class Team:
    """What every process needs to fit one cell; it travels to them as it is."""

    plan: Plan
    cell: Cell
    context: Context
    processes: int
    unfinished: Path
    """State of a training that is interrupted."""
    folder: Path
    """Where the first process writes the classifier's state."""


def fit_together(team: Team, monitor: Monitor) -> FinetuneFacts:
    """Fit in ``team.processes`` processes; return the facts of the training.

    Raises RatevalError that a process raised, and RuntimeError with its traceback for a bug. An
    interruption ends all processes.
    """
    spawning = multiprocessing.get_context("spawn")
    messages: multiprocessing.Queue[tuple[Any, ...]] = spawning.Queue()
    place = _meeting_place(team.unfinished)
    with tempfile.TemporaryDirectory(prefix=".processes-", dir=place) as meeting:
        members = [
            spawning.Process(target=_work, args=(team, rank, Path(meeting), messages), daemon=True)
            for rank in range(team.processes)
        ]
        try:
            for member in members:
                member.start()
            _listen(members, messages, monitor)
        finally:
            for member in members:
                if member.pid is not None:  # else it was interrupted before its start
                    member.terminate()
                    member.join()
        files = [Path(meeting) / _FACTS.format(rank) for rank in range(team.processes)]
        return _merge([FinetuneFacts.model_validate_json(file.read_bytes()) for file in files])


def require_processes(count: int, device: str) -> None:
    """Raise RatevalError when ``device`` can't be divided among ``count`` processes."""
    if count == 1 or device == "cpu":
        return
    cards = torch.cuda.device_count() if device.startswith("cuda") else 1
    if count > cards:
        raise RatevalError(
            f'run.processes = {count}: each takes a device of its own, and of "{device}" there are '
            f"{cards}; use {cards} or fewer, or --device cpu"
        )


def _meeting_place(unfinished: Path) -> Path | None:
    """Return the folder in which processes meet; None for the system's own.

    Beside the state of the training, what a killed run leaves is deleted by the next one. They meet
    by a lock, which not every file system has.
    """
    with tempfile.TemporaryFile(dir=unfinished) as probe:
        return unfinished if can_lock(probe.fileno()) else None


def _listen(
    members: Sequence[Any], messages: multiprocessing.Queue[tuple[Any, ...]], monitor: Monitor
) -> None:
    left = len(members)
    while left:
        try:
            kind, *values = messages.get(timeout=POLL_S)
        except queue.Empty:
            _require_alive(members, messages)
            raise_missed_interrupt()
            continue
        if pass_on(monitor, kind, *values):
            continue
        if kind == "done":
            left -= 1
        elif kind == "refused":
            raise RatevalError(values[0])
        elif kind == "whole":
            raise StudyError(values[0])
        else:
            _require_no_killed(members)
            raise RuntimeError(f"a training process failed:\n{values[0]}")


def _require_alive(
    members: Sequence[Any], messages: multiprocessing.Queue[tuple[Any, ...]]
) -> None:
    for rank, member in enumerate(members):
        if member.exitcode not in (None, 0) and messages.empty():
            raise _ended(rank, members)


def _require_no_killed(members: Sequence[Any]) -> None:
    """Raise RatevalError when one was killed: the others, which lost its connection, only tell."""
    for rank, member in enumerate(members):
        member.join(_LAST_MOMENTS_S)
        if (member.exitcode or 0) < 0:
            raise _ended(rank, members)


def _ended(rank: int, members: Sequence[Any]) -> RatevalError:
    return RatevalError(
        f"training process {rank} of {len(members)} ended with code {members[rank].exitcode}, "
        "perhaps for lack of memory; use fewer run.processes or a lower batch_size"
    )


def _work(
    team: Team, rank: int, meeting: Path, messages: multiprocessing.Queue[tuple[Any, ...]]
) -> None:
    serve_parent()
    try:
        device = _join(team, rank, meeting)
        asked = team.plan.spec.run.readers
        readers = share_readers(asked, team.context.readers, team.processes)
        bench = Workbench(replace(team.context, device=device, readers=readers))
        fitting = Fitting(team.plan, bench, team.cell)
        monitor = TellingMonitor(messages.put) if rank == 0 else SilentMonitor()
        classifier, facts = fitting.fit(monitor, team.unfinished)
        if rank == 0:
            save_state(classifier, team.folder, fitting.inputs)
        (meeting / _FACTS.format(rank)).write_text(facts.model_dump_json(), encoding="utf-8")
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
        messages.put(("done",))
    except StudyError as error:
        messages.put(("whole", str(error)))
    except RatevalError as error:
        messages.put(("refused", str(error)))
    except (Exception, SystemExit):
        messages.put(("failed", traceback.format_exc()))


def _join(team: Team, rank: int, meeting: Path) -> str:
    """Meet the other processes; return the device that is this one's."""
    device, backend = team.context.device, "gloo"
    if device.startswith("cuda"):
        device, backend = f"cuda:{rank}", "nccl"
        torch.cuda.set_device(rank)
    share_threads(team.processes)
    # Accelerate looks at these; a file to meet at needs no port that somebody else may take.
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(team.processes),
        "LOCAL_WORLD_SIZE": str(team.processes),
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
    }
    torch.distributed.init_process_group(
        backend,
        store=FileStore(str(meeting / "meeting"), team.processes),
        timeout=_PATIENCE,
        rank=rank,
        world_size=team.processes,
    )
    return device


def _merge(parts: Sequence[FinetuneFacts]) -> FinetuneFacts:
    skipped = {sample.id: sample for facts in parts for sample in facts.skipped}
    return parts[0].model_copy(update={"skipped": tuple(skipped.values())})

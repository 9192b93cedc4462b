"""The training loop: epochs of steps, their curve, early stopping, and going on after a break."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from rateval.api import Epoch, Logbook, RatevalError
from rateval.modelkit import Batch
from rateval_finetune.params import TrainingParams
from rateval_finetune.training.early_stopping import EarlyStopping
from rateval_finetune.training.failures import diverged, explained_memory
from rateval_finetune.training.optimizers import make_optimizer, pack_optimizer, unpack_optimizer
from rateval_finetune.training.processes import make_accelerator, say_once
from rateval_finetune.training.randomness import derive_seed, make_generator, own_randomness
from rateval_finetune.training.rates import rate_factor
from rateval_finetune.training.sources import Source
from rateval_finetune.training.states import cut
from rateval_finetune.training.task import Task


@dataclass
class _Tally:
    loss: float = 0.0
    seen: int = 0
    correct: int | None = 0


class Training:
    """The minimisation of a task's objective over a source's samples.

    What an epoch does depends on the weights, the optimiser, the seed and the epoch's number alone,
    so that an interrupted training ends with the result of an uninterrupted one. Processes started
    together share each step's samples.
    """

    def __init__(
        self,
        task: Task,
        source: Source,
        filler: Batch,
        params: TrainingParams,
        *,
        seed: int,
        device: str,
        logbook: Logbook,
    ) -> None:
        """Prepare; ``filler`` is one sample, for a process that a step leaves without any."""
        self._task, self._source, self._params = task, source, params
        self._filler, self._seed, self._device, self._logbook = filler, seed, device, logbook
        self._accelerator = make_accelerator(params.precision, device)
        self._rank = self._accelerator.process_index
        self._processes = self._accelerator.num_processes
        self._optimizer = make_optimizer(params, task.groups)
        self._rates = [group["lr"] for group in self._optimizer.param_groups]
        self._freeze_unused()
        self._model, self._prepared = self._accelerator.prepare(task.objective, self._optimizer)
        self._trained = {
            name: weight
            for name, weight in task.objective.named_parameters()
            if weight.requires_grad
        }
        self._stopping = EarlyStopping(params.stop_by, params.patience)

    def run(self, *, keep: bool = True) -> None:
        """Train to the end; ``keep`` records the curve, and saves and resumes the state.

        Raises RatevalError when loss or weights stop being finite, or memory runs out.
        """
        first = self._resume() if keep else 1
        with own_randomness(self._device):
            for number in range(first, self._params.epochs + 1):
                epoch = self._run_epoch(number)
                if not keep:
                    continue
                epoch, goes_on = self._examine(epoch)
                left = 0 if goes_on else self._params.epochs - number
                if left:
                    self._logbook.advance(left * len(self._source), "stopped early")
                if self._rank == 0:
                    self._logbook.record(epoch)
                    self._save(number + left)
                if not goes_on:
                    break
        self._require_finite_weights()
        if self._stopping.best is not None:
            self._load(self._stopping.weights)

    def _run_epoch(self, number: int) -> Epoch:
        torch.manual_seed(derive_seed(self._seed, "dropout", number, self._rank))
        order = torch.randperm(
            len(self._source), generator=make_generator(self._seed, "order", number)
        ).tolist()
        size = self._params.batch_size
        steps = [order[at : at + size] for at in range(0, len(order), size)]
        passes = [self._divide(step) for step in steps]
        batches = self._source.load([chunk for step in passes for chunk in step], number)
        self._task.train_mode()
        tally, lr = _Tally(), 0.0
        for index, step in enumerate(steps):
            lr = self._set_rates((number - 1) * len(steps) + index + 1, len(steps))
            where = f"step {index + 1} of {len(steps)}, epoch {number} of {self._params.epochs}"
            self._step(list(islice(batches, len(passes[index]))), tally, where)
            self._logbook.advance(len(step), self._note(number, tally))
        return self._sum_up(number, tally, lr)

    def _divide(self, step: Sequence[int]) -> list[Sequence[int]]:
        mine = step[self._rank :: self._processes]
        params = self._params
        size = math.ceil(params.batch_size / self._processes / params.accumulate)
        # As many passes for every process: a contrastive loss meets the others in each of them.
        most = math.ceil(len(step) / self._processes)
        return [mine[at : at + size] for at in range(0, most, size)]

    def _set_rates(self, step: int, steps_per_epoch: int) -> float:
        params = self._params
        steps = params.epochs * steps_per_epoch
        factor = rate_factor(step, steps, params.schedule, params.warmup)
        for group, rate in zip(self._prepared.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        self._task.at_step(step, steps)
        first: float = self._rates[0]
        return first * factor

    def _step(self, batches: list[Batch], tally: _Tally, where: str) -> None:
        count = self._total(sum(map(len, batches)))
        if not count:
            return
        with explained_memory(where, self._params):
            for batch in batches:
                last = batch is batches[-1]
                with nullcontext() if last else self._accelerator.no_sync(self._model):
                    self._descend(batch, count, tally, where)
            if self._params.clip_norm is not None:
                self._accelerator.clip_grad_norm_(self._trained.values(), self._params.clip_norm)
            self._prepared.step()
            self._prepared.zero_grad(set_to_none=True)

    def _freeze_unused(self) -> None:
        # A head on an inner feature leaves weights of the tower without a gradient, which torch's
        # data parallelism would wait for.
        with own_randomness(self._device):
            loss, _ = self._task.objective(*self._place(self._filler, 1.0))
            loss.backward()
        for weight in self._task.objective.parameters():
            weight.requires_grad_(weight.grad is not None)
            weight.grad = None

    def _place(self, batch: Batch, weight: float) -> tuple[Any, ...]:
        weights = torch.full((len(batch),), weight, device=self._device)
        masks = None if batch.masks is None else batch.masks.to(self._device)
        images = batch.images.to(self._device, non_blocking=batch.images.is_pinned())
        return images, batch.labels.to(self._device), weights, masks, batch.asked

    def _descend(self, batch: Batch, count: int, tally: _Tally, where: str) -> None:
        real = len(batch) > 0
        loss, correct = self._model(*self._place(batch if real else self._filler, float(real)))
        value = loss.item()
        if not math.isfinite(value):
            raise diverged(f"the loss is {value}", where, self._optimizer)
        # Processes average their gradients, each of which is of a part of the samples.
        self._accelerator.backward(loss * (self._processes / count))
        tally.loss += value
        tally.seen += len(batch)
        if correct is None or tally.correct is None:
            tally.correct = None
        else:
            tally.correct += int(correct)

    def _note(self, number: int, tally: _Tally) -> str:
        note = f"epoch {number}/{self._params.epochs}"
        return note + (f" loss {tally.loss / tally.seen:.2f}" if tally.seen else "")

    def _sum_up(self, number: int, tally: _Tally, lr: float) -> Epoch:
        seen = self._total(tally.seen)
        if not seen:
            raise RatevalError("no training sample can be read any more; check the dataset's files")
        accuracy = None if tally.correct is None else self._total(tally.correct) / seen
        return Epoch(number, self._total(tally.loss) / seen, accuracy, lr)

    def _total(self, value: float) -> Any:
        if self._processes == 1:
            return value
        one = torch.tensor(value, dtype=torch.float64, device=self._accelerator.device)
        total = self._accelerator.reduce(one, "sum").item()
        return int(total) if isinstance(value, int) else total

    def _examine(self, epoch: Epoch) -> tuple[Epoch, bool]:
        def examine() -> Mapping[str, float | None]:
            self._task.objective.eval()
            return dict(self._logbook.examine(self._task.classifier()))

        scores = say_once(examine)
        judged = Epoch(epoch.number, epoch.loss, epoch.accuracy, epoch.lr, scores)
        return judged, self._stopping.goes_on(scores, self._trained)

    @torch.no_grad()
    def _load(self, weights: Mapping[str, torch.Tensor]) -> None:
        for name, weight in self._trained.items():
            weight.copy_(weights[name])

    def _save(self, number: int) -> None:
        tensors = (
            {f"weights.{name}": weight for name, weight in self._trained.items()}
            | {f"best.{name}": weight for name, weight in self._stopping.weights.items()}
            | {f"optimizer.{n}": t for n, t in pack_optimizer(self._optimizer).items()}
        )
        scaler = self._accelerator.scaler
        facts = {
            "epoch": number,
            "best": self._stopping.best,
            "since_best": self._stopping.since_best,
            "scaler": None if scaler is None else scaler.state_dict(),
        }
        self._logbook.save(tensors, facts)

    def _resume(self) -> int:
        kept = self._logbook.resume()
        if kept is None:
            return 1
        tensors, facts = kept
        self._load(cut(tensors, "weights."))
        unpack_optimizer(self._optimizer, cut(tensors, "optimizer."))
        self._stopping.best, self._stopping.since_best = facts["best"], facts["since_best"]
        self._stopping.weights = cut(tensors, "best.")
        if facts["scaler"] is not None and self._accelerator.scaler is not None:
            self._accelerator.scaler.load_state_dict(facts["scaler"])
        done: int = facts["epoch"]
        self._logbook.advance(done * len(self._source), f"going on after epoch {done}")
        return done + 1

    def _require_finite_weights(self) -> None:
        if not all(bool(weight.isfinite().all()) for weight in self._trained.values()):
            raise diverged("a weight is not finite", "the last step", self._optimizer)

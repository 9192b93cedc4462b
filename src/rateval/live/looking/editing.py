"""One photo without its object, and its object on other backgrounds, with the answers to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image

from rateval.data.batches import Batch
from rateval.live.looking.values import Edited
from rateval.modelkit.filling import View
from rateval.progress import SilentMonitor
from rateval.stages.counterfactual import counterfactual
from rateval.workbench.cell import Job
from rateval.workbench.donors import Donors
from rateval.workbench.edits import Edits, Prepared, prepare_ahead, put_on_backgrounds
from rateval.workbench.explain import follow_batch, predict_batch


@dataclass(frozen=True, slots=True)
class Answers:
    """What is predicted of the edited photo."""

    edits: tuple[Edited, ...]
    undefined: str
    """Why there are none; empty where there are some, or none were asked for."""
    folder: Path | None
    """Where the stage left its row; None where it left none."""


def edit(
    job: Job,
    donors: Donors,
    count: int,
    classes: Sequence[str],
    show: Callable[[torch.Tensor], Image.Image],
    folder: Path,
) -> Answers:
    """Edit the photo of a job, put it on ``count`` backgrounds at most, and ask about each."""
    card = job.classifier.model.card
    view = View(card.mean, card.std)
    swaps = len(donors.ids) > 0
    # Without donors the object is only taken out, and what stands around it is never asked about.
    edits = Edits(count if swaps else 0, "swap" if swaps else "grey", "inpaint")
    (prepared,) = prepare_ahead(job, edits, donors, view, range(1))
    reason = prepared.reasons[0]
    counterfactual(job, edits, donors, [prepared], SilentMonitor(), folder)
    if reason:
        return Answers((), reason, folder if swaps else None)
    made = [("without the object", "", prepared.removed[0])]
    if swaps:
        made += _put(prepared, edits, donors, view)
    batch = prepared.batch
    given = job.task.predictions(predict_batch(job, batch))
    answer = int(given.numbers[0])
    images = torch.stack([image for _, _, image in made])
    outputs, sure = follow_batch(job, _with_images(batch, images), given.at([0] * len(made)))
    found, shares = job.task.predictions(outputs), sure.tolist()
    numbers = found.numbers.tolist()
    names = found.texts or [classes[now] for now in numbers]
    edited = tuple(
        Edited(title, donor, name, share, now == answer, show(image))
        for (title, donor, image), now, name, share in zip(
            made, numbers, names, shares, strict=True
        )
    )
    return Answers(edited, "", folder if swaps else None)


def _put(
    prepared: Prepared, edits: Edits, donors: Donors, view: View
) -> list[tuple[str, str, torch.Tensor]]:
    chosen = prepared.chosen
    put = put_on_backgrounds(prepared.batch, [0], edits, donors, view, chosen)
    return [
        ("on another background", donors.ids[at], images[0])
        for at, (_, images) in zip(chosen[0], put, strict=True)
    ]


def _with_images(batch: Batch, images: torch.Tensor) -> Batch:
    count = len(images)
    return replace(
        batch,
        images=images,
        ids=batch.ids * count,
        labels=batch.labels.expand(count),
        asked=batch.asked * count,
        sizes=batch.sizes * count,
    )

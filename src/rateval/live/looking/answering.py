"""One photo taken through the stages of a study, in a folder that is gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image

from rateval.api.component import Context
from rateval.api.tasks.task import Posed
from rateval.api.values import Sample
from rateval.data.batches import Batch
from rateval.errors import RatevalError
from rateval.live.looking.asking import Question, make_question_plan
from rateval.live.looking.editing import Answers, edit
from rateval.live.looking.labelling import Labelled
from rateval.live.looking.lending import find_donors
from rateval.live.looking.saying import Saying, find_phrase
from rateval.live.looking.texts import TextLook, Token
from rateval.live.looking.values import Judged, Look
from rateval.machine.device import resolve_device
from rateval.modelkit.filling import View
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.progress import SilentMonitor
from rateval.registry.registry import Registry
from rateval.stages.finetune import finetune
from rateval.stages.infer import infer
from rateval.stages.judge import judge, judge_edits
from rateval.store import rows as tables
from rateval.training.logbook import FolderLogbook
from rateval.workbench.bench import Workbench
from rateval.workbench.cell import Job
from rateval.workbench.donors import NO_DONORS
from rateval.workbench.explain import predict_batch
from rateval.workbench.maps import scale_maps
from rateval.workbench.tokens import explain_tokens
from rateval.workbench.verdicts.outcomes import Edited as EditedRows

_MOST_TOKENS = 16
"""Tokens of a text that have a map of their own at most, from its beginning."""


def look(question: Question, registry: Registry) -> Look | TextLook:
    """Predict, explain, judge and edit one photo, as a study does with each.

    Raises SpecError with everything that is wrong with what is asked, before a model is loaded, and
    RatevalError for a photo or a mask that can't be used.
    """
    plan = make_question_plan(question, registry)
    with TemporaryDirectory(prefix="rateval-look-") as folder:
        return _Looking(question, plan, registry, Path(folder)).look()


class _Looking:
    """A photo, its live objects, and the folder that stages write into."""

    def __init__(self, question: Question, plan: Plan, registry: Registry, folder: Path) -> None:
        self._question, self._plan, self._registry = question, plan, registry
        self._folder = folder
        self._cell: Cell = plan.cells[0]
        device = resolve_device(plan.spec.run.device)
        self._bench = Workbench(Context(device=device))
        self._job, self._batch = self._open()

    def look(self) -> Look | TextLook:
        """Return what is found out."""
        inferred = self._make("inferred")
        infer(self._job, range(1), SilentMonitor(), inferred)
        (row,) = tables.read_rows(inferred).to_pylist()
        answers = self._edit() if self._question.edits else Answers((), "", None)
        masked = self._batch.has_mask[0]
        (sample,) = self._job.split.samples([0])
        assert isinstance(sample, Sample)
        told = {
            "image": self._question.image,
            "model": self._cell.model.label,
            "architecture": self._job.classifier.model.card.architecture,
            "method": self._cell.finetuner.label,
            "attribution": self._cell.attribution.label,
            "relevance": tables.read_relevance(inferred)[0],
            "seen": self.show(self._batch.images[0]),
            "mask": self._batch.masks[0].numpy()
            if masked and self._batch.masks is not None
            else None,
            "judged": tuple(self._judge(inferred, answers)) if masked else (),
            "edits": answers.edits,
            "notes": tuple(self._note(answers, sample, row)),
        }
        if self._question.says:
            return TextLook(**told, **self._read_text(row))
        return Look(**told, **self._read_class(row))

    def _read_class(self, row: dict[str, Any]) -> dict[str, Any]:
        classes = self._bench.object(self._cell.dataset, self._cell.seed).classes
        return {
            "classes": classes,
            "label": None if self._question.label is None else classes[row["label"]],
            "prediction": classes[row["prediction"]],
            "probabilities": tuple(row["probabilities"]),
            "target": self._name_target(classes, row),
        }

    def _read_text(self, row: dict[str, Any]) -> dict[str, Any]:
        question, said = self._question, row["output"]
        start, stop = find_phrase(said, question.phrase)
        return {
            "question": question.text or "",
            "label": question.label,
            "prediction": said,
            "is_right": row["correct"],
            "likelihood": row["likelihood"],
            "blank": row["blank_output"],
            "phrase": said[start:stop],
            "tokens": tuple(self._explain_tokens(said)),
        }

    def _explain_tokens(self, said: str) -> Iterator[Token]:
        if not self._cell.attribution.registered.component.by_token:
            return
        (found,) = explain_tokens(self._job, self._batch, [said], _MOST_TOKENS)
        if found.spans:
            maps, _ = scale_maps(found.relevance)
            for (start, stop), one in zip(found.spans, maps, strict=True):
                yield Token(said[start:stop], start, stop, one)

    def _open(self) -> tuple[Job, Batch]:
        """Return the job of the photo, labelled with the answer where no label is given."""
        cell, bench = self._cell, self._bench
        dataset = bench.object(cell.dataset, cell.seed)
        logbook = FolderLogbook(SilentMonitor(), self._make("training"))
        classifier = finetune(
            bench.object(cell.finetuner, cell.seed),
            bench.object(cell.model, cell.seed),
            None,
            dataset.classes,
            logbook,
        )
        explains = bench.object(cell.attribution, cell.seed)
        task, device = self._pose(), bench.context.device
        job = Job(classifier, explains, dataset.test, None, task, device, 1, 1)
        (batch,) = job.batches(range(1), masks=True)
        if batch.skipped:
            raise RatevalError(f"{self._question.image}: {batch.skipped[0].reason}")
        if self._question.label is None and not self._question.says:
            answer = int(task.predictions(predict_batch(job, batch)).numbers[0])
            job = replace(job, split=Labelled(dataset.test, answer))
            batch = replace(batch, labels=torch.tensor([answer]))
        return job, batch

    def _pose(self) -> Posed:
        asked = self._question
        if asked.says:
            return Saying(asked.text or "", asked.label, asked.phrase)
        return self._bench.task(self._cell.dataset, self._cell.seed)

    def _edit(self) -> Answers:
        card = self._job.classifier.model.card
        view = View(card.mean, card.std)
        donors, classes = NO_DONORS, self._bench.object(self._cell.dataset, self._cell.seed).classes
        if self._question.donors is not None:
            model = self._job.classifier.model
            donors = find_donors(self._question, classes, model, view, self._registry)
        assert self._plan.spec.counterfactual is not None
        count = self._plan.spec.counterfactual.donors
        return edit(self._job, donors, count, classes, self.show, self._make("answers"))

    def _judge(self, inferred: Path, answers: Answers) -> Iterator[Judged]:
        device, seed = self._bench.context.device, self._cell.seed
        for at, choice in enumerate(self._plan.validators):
            folder = self._make(f"judged-{at}")
            made = self._bench.object(choice, seed)
            if not choice.by_edits:
                judge(made, inferred, 1, SilentMonitor(), folder, device)
            elif answers.folder is not None:
                assert self._plan.spec.counterfactual is not None
                edited = EditedRows(answers.folder, self._plan.spec.counterfactual.keep)
                judge_edits(made, inferred, edited, SilentMonitor(), folder, device)
            (row,) = tables.read_rows(folder).to_pylist()
            known = row["undefined"] is None
            valid = row["valid"] if known else None
            yield Judged(choice.label, row["score"], valid, row["undefined"] or "")

    def _name_target(self, classes: Sequence[str], row: dict[str, Any]) -> str:
        """Return the class that the map explains, as the attribution's params name it."""
        target = getattr(self._cell.attribution.params, "target", None)
        if target in ("label", "prediction"):
            target = row[target]
        elif target == "runner-up":
            target = int(np.argsort(-np.array(row["probabilities"]), kind="stable")[1])
        return classes[target] if isinstance(target, int) else ""

    def _note(self, answers: Answers, sample: Sample, row: dict[str, Any]) -> Iterator[str]:
        yield from self._note_label(row)
        if self._question.mask is None:
            yield "no mask is given: evidence is not judged, and nothing is edited"
        else:
            yield from self._note_edits(answers)
        yield from sample.notes
        yield from self._job.classifier.model.card.assumed

    def _note_label(self, row: dict[str, Any]) -> Iterator[str]:
        question = self._question
        if question.says:
            if question.label is None and not question.captions:
                yield "nobody said what is right (--label)"
        elif getattr(self._cell.attribution.params, "target", "") == "label":
            if question.label is None:
                yield "no label is given: the map explains the predicted class"
            elif row["label"] != row["prediction"]:
                yield (
                    "the map explains the label, as in a study; of the answer: --attribution "
                    f"{self._cell.attribution.registered.use} target=prediction"
                )

    def _note_edits(self, answers: Answers) -> Iterator[str]:
        question = self._question
        if question.captions:
            yield "nothing is edited: a caption speaks of several objects"
        elif not question.edits:
            yield (
                "nothing is edited: that needs OpenCV (cv2), which is not installed; "
                "pip install 'rateval[counterfactual]'"
            )
        elif answers.undefined:
            yield f"nothing is edited: {answers.undefined}"
        elif question.donors is None:
            yield "no donors are given: the object is put on no other background"

    def _make(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    def show(self, image: torch.Tensor) -> Image.Image:
        """Return a prepared image (3, H, W) as RGB, without its normalisation."""
        card = self._job.classifier.model.card
        mean, std = (torch.tensor(values)[:, None, None] for values in (card.mean, card.std))
        pixels = (image.float().cpu() * std + mean).clamp(0, 1).mul(255).round().byte()
        return Image.fromarray(pixels.permute(1, 2, 0).numpy())

"""How pictures are made: views found, stored verdicts looked up, the stage called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.api.protocols import Split
from rateval.api.training import Monitor
from rateval.data.splits import limit_split
from rateval.engine.blame import blaming
from rateval.engine.picturing.steps import Find
from rateval.records.facts import PicturesFacts
from rateval.records.step import Step
from rateval.stages.pictures import Result, Verdicts, pictures
from rateval.store.store import Store
from rateval.workbench.bench import Workbench
from rateval.workbench.build import name_plugin
from rateval.workbench.pictures import Images, Look
from rateval.workbench.views import ModelView, find_frame, read_frame


@dataclass(frozen=True, slots=True)
class Picturing:
    """What pictures are made with."""

    bench: Workbench
    store: Store
    find: Find

    def make(self, step: Step, monitor: Monitor, folder: Path) -> PicturesFacts:
        """Write the pictures of a step of ``list_steps`` into ``folder``."""
        inputs = step.inputs
        dataset = self.find("dataset", inputs["dataset"])
        shift = None if inputs["shift"] is None else self.find("shift", inputs["shift"])
        seed = inputs["seed"]
        models = {cell["model"]: None for cell in inputs["cells"]}
        choices = [dataset, *([] if shift is None else [shift])]
        with blaming(*choices, *(self.find("model", label) for label in models)):
            whole: Split = self.bench.object(dataset, seed).test
            images = Images(
                limit_split(whole, *inputs["limit"]),
                self.bench.shift(shift, whole, seed),
                self.bench.context.readers,
            )
            verdicts = [found for cell in inputs["cells"] for found in self._verdicts(cell)]
            return pictures(images, self._looks(inputs), verdicts, inputs["count"], monitor, folder)

    def _verdicts(self, cell: Mapping[str, Any]) -> list[Verdicts]:
        return [
            Verdicts(
                verdict["name"],
                self._result(cell["inferred"], verdict["judged"]),
                None if verdict["against"] is None else self._result(*verdict["against"]),
            )
            for verdict in cell["verdicts"]
        ]

    def _result(self, inferred: str, judged: str) -> Result:
        return Result(self.store.path_of("infer", inferred), self.store.path_of("judge", judged))

    def _looks(self, inputs: Mapping[str, Any]) -> list[Look]:
        """Return the views of the models, each once."""
        cells = {cell["model"]: cell for cell in reversed(inputs["cells"])}
        looks: dict[Any, Look] = {}
        for label, cell in sorted(cells.items()):
            told = self._describe_view(label, cell)
            frame = read_frame(told["frame"])
            size = (told["size"][0], told["size"][1])
            # What no frame shows has a view of its own.
            key = frame or label
            if key in looks:
                look = looks[key]
                looks[key] = Look((*look.models, label), size, look.view)
            else:
                view = frame or self._model_view(label, cell["seed"])
                looks[key] = Look((label,), size, view)
        return list(looks.values())

    def _describe_view(self, label: str, cell: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the frame of a model, and its size; it is stored, so that it is asked once."""

        def describe(folder: Path) -> Mapping[str, Any]:
            view = self._model_view(label, cell["seed"])
            frame = find_frame(view)
            size = view.model.card.image_size
            return {"frame": None if frame is None else frame.as_json(), "size": list(size)}

        return self.store.make("view", {"classifier": cell["classifier"]}, describe).facts

    def _model_view(self, label: str, seed: int | None) -> ModelView:
        choice = self.find("model", label)
        return ModelView(self.bench.object(choice, seed), (label,), name_plugin(choice))

"""The kinds of components: each one declared once, for everybody who deals in kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal[
    "dataset",
    "model",
    "finetuner",
    "attribution",
    "validator",
    "metric",
    "shift",
    "task",
    "executor",
    "tracker",
]


@dataclass(frozen=True, slots=True)
class KindFacts:
    """Everything that rateval knows about a kind; strings only, so that listing stays cheap."""

    summary: str
    """What its components are, in a line."""
    table: str
    """Table of a spec whose ``use`` names one."""
    hook: str
    """Hook by which plugins register them."""
    protocol: str
    """``module:attribute`` of what their objects offer."""
    check: str
    """``module:function`` of the conformance check of an object."""
    grid: bool = False
    """Whether a cell is made of one of it, so that several of them make more cells."""
    single: bool = False
    """Whether a spec names exactly one, in a ``[table]`` rather than in ``[[table]]`` entries."""

    @property
    def heading(self) -> str:
        """The table's heading in TOML.

        >>> KINDS["model"].heading, KINDS["executor"].heading
        ('[[model]]', '[executor]')
        """
        return f"[{self.table}]" if self.single else f"[[{self.table}]]"


KINDS: Mapping[Kind, KindFacts] = MappingProxyType(
    {
        "dataset": KindFacts(
            "labelled images with evidence masks",
            table="dataset",
            hook="rateval_register_datasets",
            protocol="rateval.api.protocols:Dataset",
            check="rateval.testing.datasets:check_dataset",
            grid=True,
        ),
        "model": KindFacts(
            "vision-language models",
            table="model",
            hook="rateval_register_models",
            protocol="rateval.api.protocols:Model",
            check="rateval.testing.models:check_model",
            grid=True,
        ),
        "finetuner": KindFacts(
            "ways to make a classifier from a model",
            table="finetune",
            hook="rateval_register_finetuners",
            protocol="rateval.api.training:Finetuner",
            check="rateval.testing.finetuners:check_finetuner",
            grid=True,
        ),
        "attribution": KindFacts(
            "ways to explain a prediction by a relevance map",
            table="attribution",
            hook="rateval_register_attributions",
            protocol="rateval.api.protocols:Attribution",
            check="rateval.testing.attributions:check_attribution",
            grid=True,
        ),
        "validator": KindFacts(
            "ways to judge whether relevance lies on the evidence",
            table="evidence",
            hook="rateval_register_validators",
            protocol="rateval.api.protocols:Validator",
            check="rateval.testing.judging.validators:check_validator",
        ),
        "metric": KindFacts(
            "numbers made from the outcomes of a cell",
            table="metric",
            hook="rateval_register_metrics",
            protocol="rateval.api.protocols:Metric",
            check="rateval.testing.judging.metrics:check_metric",
        ),
        "shift": KindFacts(
            "changes of the test images' distribution",
            table="shift",
            hook="rateval_register_shifts",
            protocol="rateval.api.protocols:Shift",
            check="rateval.testing.shifts:check_shift",
            grid=True,
        ),
        "task": KindFacts(
            "what datasets ask, and when an answer is correct",
            table="task",
            hook="rateval_register_tasks",
            protocol="rateval.api.tasks.task:Task",
            check="rateval.testing.answering.tasks:check_task",
        ),
        "executor": KindFacts(
            "where the steps of a study run",
            table="executor",
            hook="rateval_register_executors",
            protocol="rateval.api.execution:Executor",
            check="rateval.testing.executors:check_executor",
            single=True,
        ),
        "tracker": KindFacts(
            "where a run is noted for other programs to show",
            table="tracker",
            hook="rateval_register_trackers",
            protocol="rateval.api.tracking:Tracker",
            check="rateval.testing.trackers:check_tracker",
        ),
    }
)
"""Kind to its facts, in the order in which kinds are listed and tables are written."""

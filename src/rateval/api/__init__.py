"""The first door: the contract between rateval and a plugin, and nothing else.

Importing it costs no torch and no pydantic: names that need them are fetched on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rateval.api.component import Component as Component, Context as Context
from rateval.api.deprecations import NAMES, find_deprecated
from rateval.api.execution import Executor as Executor, Work as Work
from rateval.api.hookspecs import hookimpl as hookimpl
from rateval.api.listed import ListedSplit as ListedSplit
from rateval.api.protocols import (
    Attribution as Attribution,
    Classifier as Classifier,
    Dataset as Dataset,
    Metric as Metric,
    Model as Model,
    Shift as Shift,
    Split as Split,
    Validator as Validator,
)
from rateval.api.training import Finetuner as Finetuner, Logbook as Logbook, Monitor as Monitor
from rateval.api.values import (
    Epoch as Epoch,
    Explanation as Explanation,
    HeadDecision as HeadDecision,
    ModelCard as ModelCard,
    Outcomes as Outcomes,
    PromptDecision as PromptDecision,
    Readout as Readout,
    Sample as Sample,
    Score as Score,
    Skipped as Skipped,
    Verdict as Verdict,
)
from rateval.api.version import API_VERSION as API_VERSION
from rateval.errors import PluginError as PluginError, RatevalError as RatevalError
from rateval.on_first_use import find_name

if TYPE_CHECKING:
    from rateval.api.params import Params as Params
    from rateval.records.key import Key as Key
    from rateval.records.plan import PlanRecord as PlanRecord
    from rateval.records.run import RunRecord as RunRecord
    from rateval.records.scores.cell import CellRecord as CellRecord
    from rateval.records.scores.estimate import Estimate as Estimate
    from rateval.records.step import (
        FailureRecord as FailureRecord,
        StageRecord as StageRecord,
        Step as Step,
        StepEnd as StepEnd,
    )

_ON_FIRST_USE = (
    "rateval.api.params",
    "rateval.records.key",
    "rateval.records.scores.estimate",
    "rateval.records.step",
    "rateval.records.plan",
    "rateval.records.scores.cell",
    "rateval.records.run",
)


def __getattr__(name: str) -> Any:
    if f"{__name__}:{name}" in NAMES:
        return find_deprecated(__name__, name, NAMES)
    return find_name(__name__, name, _ON_FIRST_USE)

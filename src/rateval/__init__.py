"""Whether a vision-language model is right for the right reasons.

In a notebook: ``rateval.run(spec)``, ``rateval.parity(spec)``, ``rateval.load(path)``,
``rateval.compare(baseline, run)``, ``rateval.score(run, threshold=…)``,
``rateval.create(kind, name)``, and for a model of your own
``rateval.wrap(module)`` and ``rateval.evaluate(model, images, labels, masks, classes=…)``; of one
photo ``rateval.look(path, model=…, classes=…)``. In a training loop of your own:
``rateval.PredictionRationality()``, a metric of torchmetrics.
Importing this package costs nothing; what its names need is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rateval.on_first_use import find_name

if TYPE_CHECKING:
    from rateval.engine.anew.call import score as score
    from rateval.errors import RatevalError as RatevalError
    from rateval.facade import (
        create as create,
        evaluate as evaluate,
        parity as parity,
        run as run,
        wrap as wrap,
    )
    from rateval.live.looking.call import look as look
    from rateval.records.run import RunRecord as RunRecord, load as load
    from rateval.scoring.across.call import compare as compare
    from rateval.training_loop.metric import PredictionRationality as PredictionRationality


_MODULES = (
    "rateval.errors",
    "rateval.facade",
    "rateval.records.run",
    "rateval.scoring.across.call",
    "rateval.live.looking.call",
    "rateval.engine.anew.call",
)
"""The second one hands records what shows them: it comes before those, which are loaded alone."""

_APART = {"PredictionRationality": ("rateval.training_loop.metric",)}
"""Names whose modules need what may not be installed; no other name has them imported."""


def __getattr__(name: str) -> Any:
    return find_name(__name__, name, _APART.get(name, _MODULES))

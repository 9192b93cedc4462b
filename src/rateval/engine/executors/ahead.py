"""What workers of this computer import, begun before the run itself imports anything."""

from __future__ import annotations

from rateval.engine.executors.params import LocalParams
from rateval.machine.nursery import open_nursery
from rateval.plan.plan import Plan

_NEEDED = ("rateval.engine.order", "rateval.stages.thresholds", "scipy.special", "pandas")
"""What every worker imports; scipy and pandas only as it goes."""


def import_ahead(plan: Plan) -> None:
    """Let a process import what several workers need, where the plan has them.

    That takes seconds, in which this process plans. Only what is rateval's own, and what it
    requires, is imported: it is known to outlive a fork.
    """
    executor = plan.choices["executor"][0]
    params = executor.params
    if not isinstance(params, LocalParams) or not params.several:
        return
    modules = list(_NEEDED)
    for choice in plan.all_choices:
        component = choice.registered.component
        if choice.registered.plugin.distribution == "rateval":
            modules += [component.factory.partition(":")[0], *component.requires]
    open_nursery(dict.fromkeys(modules))

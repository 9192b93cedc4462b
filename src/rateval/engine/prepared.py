"""What a run begins with: live objects, the store, the graph, and what is known to be stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rateval.api.component import Context
from rateval.api.protocols import Dataset
from rateval.engine.cell_steps import Graph
from rateval.engine.graph import make_graph
from rateval.engine.worker import open_store
from rateval.errors import RatevalError
from rateval.machine.device import resolve_device
from rateval.machine.precision import require_precision
from rateval.machine.readers import resolve_readers
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.progress import Reporter
from rateval.records.about.parent import Basis
from rateval.store.store import Store, Stored
from rateval.training.processes import require_processes
from rateval.workbench.bench import Given, Workbench
from rateval.workbench.build import require_factories


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run begins with."""

    bench: Workbench
    store: Store
    graph: Graph
    taken: frozenset[str] = frozenset()
    """Identities of steps that are never done: of another run is taken what it has of them."""
    stored: Mapping[str, Stored] = field(default_factory=dict)
    """What it has of them, by their identities."""
    basis: Basis | None = None
    """What the record takes over from that run."""


def prepare(plan: Plan, reporter: Reporter, given: Mapping[str, Given]) -> Prepared:
    """Make what a run of a plan begins with; ``given`` are objects that are there already.

    Raises RatevalError when the device or the output folder cannot be used, a factory can't be
    imported, or a test split holds no sample.
    """
    options = plan.spec.run
    device = resolve_device(options.device)
    bench = Workbench(Context(device=device, readers=resolve_readers(options.readers)))
    for table, there in given.items():
        bench.give(plan.choices[table][0], there)
    require_precision(options.precision, device)
    require_processes(options.processes, device)
    store = open_store(plan, reporter.warn)
    require_factories(plan.all_choices)
    for choice in plan.datasets:
        for seed in plan.seeds_of(choice):
            _check_dataset(plan, choice, bench.object(choice, seed))
    # A file that is not there is better missed now than hours later.
    return Prepared(bench, store, make_graph(plan, bench))


def _check_dataset(plan: Plan, choice: Choice, dataset: Dataset) -> None:
    where = f'{plan.document.name}: dataset "{choice.label}"'
    if len(dataset.test) == 0:
        raise RatevalError(
            f"{where}: its test split holds no sample; check the dataset's path and parameters"
        )

"""What the stages stored of each image of a cell, as comparisons count it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from rateval.data.groups import list_groups
from rateval.errors import Problem, SpecError
from rateval.plan.plan import Plan
from rateval.scoring.judged import Judged
from rateval.scoring.units.clusters import BUILT_IN, read_clusters, read_sums
from rateval.scoring.units.sums import Sums
from rateval.stats.ratio import Ratio
from rateval.stats.softened import soften
from rateval.store import rows as tables
from rateval.wording import list_some, meant
from rateval.workbench.bench import Workbench
from rateval.workbench.verdicts.counting import BY_MAP, STATES, Counting, number_states
from rateval.workbench.verdicts.outcomes import Edited, read_outcomes, read_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array = TypeVar("Array", bound="NDArray[Any]")


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """The images of one cell by one validator."""

    positions: NDArray[np.int64]
    """(N,) in the test split, ascending."""
    states: NDArray[np.uint8]
    """(N,) as ``number_states`` has them."""
    tables: tuple[NDArray[np.float64] | None, ...]
    """One per metric of the plan: (STATES, 2) what an image of each state adds to its numerator and
    its denominator; None for one that is no sum over images."""
    labels: NDArray[np.int64]
    """(N,) class of each image."""
    areas: NDArray[np.float64]
    """(N,) share of the image that its mask fills, NaN without one."""
    cluster: NDArray[np.int64] | None = None
    """(N,) number of each image's cluster; None where the study asks for none."""
    soft: NDArray[np.float64] | None = None
    """(N,) how right each answer is, in [0, 1]; None where answers are right or wrong."""
    sums: Sums | None = None
    """What they add sample by sample, where each has none, one or several; None where each is one
    unit. ``positions`` are then the numbers of units."""

    @property
    def comparable(self) -> Images | Sums:
        """What other cells of the test have, too: these images, or the samples of these units."""
        return self if self.sums is None else self.sums

    def ratio(self, metric: int, chosen: NDArray[np.bool_] | None = None) -> Ratio | None:
        """Return a metric as what each of the chosen images adds; None where it is no sum."""
        table = self.tables[metric]
        if table is None:
            return None
        adds = table[self.states if chosen is None else self.states[chosen]]
        return Ratio(adds[:, 0], adds[:, 1])

    def error(self, chosen: NDArray[np.bool_] | None = None) -> Ratio:
        """Return the share of wrong predictions among the chosen images."""
        states = self.states if chosen is None else self.states[chosen]
        wrong = (states & 1 == 0).astype(np.float64)
        return Ratio(wrong, np.ones(len(wrong)))

    def soft_ratio(self, metric: int) -> Ratio | None:
        """Return a metric where answers are right to a share; None where they are right or wrong.

        None also for a metric that is no sum.
        """
        table = self.tables[metric]
        if table is None or self.soft is None:
            return None
        return soften(table, self.states, self.soft)

    @property
    def maps(self) -> NDArray[np.uint8]:
        """The states by prediction and map alone, (N,): nothing of answers to edited images."""
        maps: NDArray[np.uint8] = self.states & np.uint8(BY_MAP)
        return maps

    def among(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which images lie at any of these positions, (N,) bool."""
        return np.isin(self.positions, positions, assume_unique=True)


class ImageReader:
    """Reads the images of a plan's cells, each once: some bytes are kept for each image."""

    def __init__(self, plan: Plan, bench: Workbench) -> None:
        self._plan, self._bench = plan, bench
        self._read: dict[tuple[object, ...], Images] = {}
        """By what is there of a cell: a run's record is written before all of it is."""
        self._shared: list[NDArray[Any]] = []
        """Arrays that cells have in common: positions, labels, areas, clusters."""

    def read(self, done: Judged, validator: int) -> Images | None:
        """Return the images of a cell; None where it has no verdicts of a validator."""
        verdict = done.verdicts[validator]
        if verdict is None:
            return None
        scores, edits = done.scores[validator], done.counterfactual
        key = (verdict.identity, edits and edits.identity, *(score is None for score in scores))
        if key not in self._read:
            outcomes = read_outcomes(done.inferred.path, verdict.path, self._edited(done))
            rows = tables.read_rows(done.inferred.path, ["label", "mask_area"])
            labels = self._share(rows.column("label").to_numpy().astype(np.int64))
            cluster, soft = self.cluster_of(done, labels), _read_soft(done)
            # Where an answer is right to a share, each is counted as right and as wrong.
            tried = outcomes if soft is None else outcomes.both_ways()
            states, name = number_states(outcomes), self._plan.spec.statistics.cluster
            counted = tuple(
                None if score is None else counting.count_states(tried)
                for counting, score in zip(self._countings(done), scores, strict=True)
            )
            sums = read_sums(done.inferred.path, states, counted, name)
            self._read[key] = Images(
                self._share(read_positions(done.inferred.path)),
                states,
                counted,
                labels,
                self._share(rows.column("mask_area").to_numpy().astype(np.float64)),
                None if cluster is None else self._share(cluster),
                soft,
                sums,
            )
        return self._read[key]

    def classes(self, done: Judged) -> Sequence[str]:
        """Return the names of the classes of a cell's dataset."""
        names: Sequence[str] = self._bench.object(done.cell.dataset, done.cell.seed).classes
        return names

    def test(self, done: Judged) -> str:
        """Return what determines the images of a cell's test."""
        identity: str = self._bench.object(done.cell.dataset, done.cell.seed).test.identity
        return identity

    def _countings(self, done: Judged) -> Iterator[Counting]:
        for choice in self._plan.metrics:
            metric = self._bench.object(choice, done.cell.seed)
            yield Counting(choice.label, metric, choice.by_edits)

    def _edited(self, done: Judged) -> Edited | None:
        """Return the answers to edited images, where a metric of the study asks for them."""
        options, stored = self._plan.spec.counterfactual, done.counterfactual
        asked = any(choice.by_edits for choice in self._plan.metrics)
        if options is None or stored is None or not asked:
            return None
        return Edited(stored.path, options.keep)

    def cluster_of(self, done: Judged, labels: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Return the cluster of each image; those of which it is not known are one together."""
        return read_clusters(done.inferred.path, labels, self._plan.spec.statistics.cluster)

    def _share(self, found: Array) -> Array:
        for known in self._shared:
            if known.dtype == found.dtype and np.array_equal(known, found, equal_nan=True):
                return cast("Array", known)
        self._shared.append(found)
        return found


def _read_soft(done: Judged) -> NDArray[np.float64] | None:
    """Return how right each answer is; None where each is right or wrong."""
    if not tables.has_column(done.inferred.path, "soft"):
        return None
    column = tables.read_rows(done.inferred.path, ["soft"]).column(0)
    soft: NDArray[np.float64] = column.to_numpy().astype(np.float64)
    return None if np.isin(soft, (0, 1)).all() else soft


def count_jointly(one: Images, other: Images) -> NDArray[np.float64]:
    """Return how many images that both have are in each pair of states, (K, STATES, STATES).

    That is of each cluster; K is 1 where the study asks for no clusters.
    """
    states, others, cluster = one.states, other.states, one.cluster
    if one.positions is not other.positions:
        _, here, there = np.intersect1d(
            one.positions, other.positions, assume_unique=True, return_indices=True
        )
        states, others = states[here], others[there]
        cluster = None if cluster is None else cluster[here]
    pairs = states.astype(np.intp) * STATES + others
    clusters = 1
    if cluster is not None and len(cluster):
        clusters = int(cluster.max()) + 1
        pairs += cluster * STATES**2
    counts = np.bincount(pairs, minlength=clusters * STATES**2)
    return counts.reshape(-1, STATES, STATES).astype(np.float64)


def require_cluster(plan: Plan, bench: Workbench) -> None:
    """Raise SpecError where images are to be clustered by a group that a dataset doesn't have."""
    asked = plan.spec.statistics.cluster
    if asked in BUILT_IN:
        return
    for choice in plan.datasets:
        for seed in plan.seeds_of(choice):
            groups = list(list_groups(bench.object(choice, seed).test))
            if asked not in groups:
                there = f"it has {list_some(groups)}" if groups else "it has none"
                hint = meant(asked, [*BUILT_IN, *groups])
                where = plan.document.where(("statistics", "cluster"), value=True)
                hint = hint or 'write "class", "sample", "none" or one of its groups'
                what = f'the test split of the dataset "{choice.label}" has no such group, {there}'
                raise SpecError([Problem(where, f"{what}; {hint}")])

"""The drawing by strata against the rule as a sentence states it, and what it promises."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from rateval.data.strata import Partition, Picked, pick


def partition(name: str, values: list[int]) -> Partition:
    names = tuple(f"{name}{code}" for code in range(max(values) + 1))
    return Partition(names, np.array(values, dtype=np.int8))


def drawn(seed: int, count: int, parts: int) -> tuple[list[str], list[Partition]]:
    random = np.random.default_rng(seed)
    ids = [f"photo {number}" for number in random.permutation(count)]
    weights = np.array([0.6, 0.25, 0.1, 0.04, 0.01])
    return ids, [
        partition("abc"[part], (random.choice(5, count, p=weights) - (part == 2)).tolist())
        for part in range(parts)
    ]


def by_the_rule(ids: list[str], partitions: list[Partition], count: int) -> list[tuple[str, str]]:
    """State the rule by sets: slow, and with nothing in common with the code that is tested."""
    strata: dict[str, set[str]] = {}
    for one in partitions:
        for name, code in zip(ids, one.codes.tolist(), strict=True):
            if code >= 0:
                strata.setdefault(one.names[code], set()).add(name)
    chosen: list[tuple[str, str]] = []
    taken: set[str] = set()
    while len(chosen) < count:
        open_ones = [name for name, members in strata.items() if members - taken]
        if not open_ones:
            break
        turn = min(open_ones, key=lambda name: (len(strata[name] & taken), len(strata[name]), name))
        best = min(
            strata[turn] - taken,
            key=lambda name: hashlib.sha256(f"rateval draws sample {name}".encode()).hexdigest(),
        )
        taken.add(best)
        chosen.append((best, turn))
    return chosen


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 7, 40, 200, 500])
def test_it_draws_what_the_rule_says(parts: int, count: int) -> None:
    ids, partitions = drawn(parts, 200, parts)
    picked = pick(ids, partitions, count)
    named = [ids[place] for place in picked.places]
    assert list(zip(named, picked.strata, strict=True)) == by_the_rule(ids, partitions, count)
    assert len(set(named)) == len(named)


def counts(picked: Picked) -> list[tuple[str, int, int]]:
    return [(name, picked.chosen[name], there) for name, there in picked.there.items()]


def test_rare_strata_are_shown_whole_before_common_ones_fill_up() -> None:
    values = [0] * 900 + [1] * 90 + [2] * 9 + [3]
    ids = [f"{number}" for number in range(1000)]
    picked = pick(ids, [partition("a", values)], 40)
    assert counts(picked) == [("a3", 1, 1), ("a2", 9, 9), ("a1", 15, 90), ("a0", 15, 900)]


def test_neither_order_of_samples_nor_of_partitions_matters() -> None:
    ids, partitions = drawn(3, 120, 3)
    first = pick(ids, partitions, 30)
    order = np.random.default_rng(1).permutation(len(ids))
    turned = [Partition(one.names, one.codes[order]) for one in partitions[::-1]]
    second = pick([ids[at] for at in order], turned, 30)
    assert [ids[at] for at in first.places] == [ids[order[at]] for at in second.places]
    assert (first.strata, counts(first)) == (second.strata, counts(second))


def test_an_image_counts_for_every_stratum_that_it_is_in() -> None:
    ids, partitions = drawn(4, 150, 2)
    picked = pick(ids, partitions, 25)
    for one in partitions:
        for code, name in enumerate(one.names):
            there = int((one.codes == code).sum())
            assert picked.there.get(name, 0) == there
            assert picked.chosen.get(name, 0) == int((one.codes[picked.places] == code).sum())


def test_samples_in_no_stratum_are_not_drawn() -> None:
    picked = pick(["a", "b", "c"], [partition("a", [-1, 0, -1])], 3)
    assert (picked.places, picked.strata) == ([1], ["a0"])
    assert pick([], [], 3).places == []

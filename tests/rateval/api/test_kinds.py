"""The one table of kinds, and everything that has to agree with it."""

from __future__ import annotations

import typing

import pytest
from typing_extensions import get_protocol_members, is_protocol

import rateval.testing
from rateval.api.kinds import KINDS, Kind
from rateval.registry.discovery import discover
from rateval.registry.references import follow
from rateval.spec.tables import RunSpec


def test_every_kind_is_declared_once() -> None:
    assert set(KINDS) == set(typing.get_args(Kind))
    for values in zip(
        *((f.table, f.hook, f.protocol, f.check) for f in KINDS.values()), strict=True
    ):
        assert len(set(values)) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_references_lead_to_a_protocol_and_its_check(kind: Kind) -> None:
    facts = KINDS[kind]
    protocol = follow(facts.protocol)
    assert is_protocol(protocol)
    assert get_protocol_members(protocol)
    check = follow(facts.check)
    assert getattr(rateval.testing, check.__name__) is check
    assert facts.summary.strip()


@pytest.mark.parametrize("kind", KINDS)
def test_a_spec_has_a_table_for_each_kind_and_a_component_of_it_exists(kind: Kind) -> None:
    facts = KINDS[kind]
    annotation = str(RunSpec.model_fields[facts.table].annotation)
    assert ("tuple" in annotation) is not facts.single
    if kind != "shift":
        assert discover(third_party=False).of_kind(kind)


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        KINDS["model"] = KINDS["metric"]  # type: ignore[index]

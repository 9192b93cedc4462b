"""Which libraries are asked for and which versions fit, as packaging would say."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from rateval.doctor.libraries import fits, read_libraries

VERSIONS = ("1", "1.0", "1.0.2", "1.13.12", "1.13.2", "2.0", "2.4.1+cpu", "2.10", "3.0.0", "10")
WANTED = (
    "",
    ">=1.0",
    ">=1.13.12,<2",
    "<2",
    "==1.0.2",
    "==1.*",
    "!=2.0",
    ">2.4",
    "~=1.13.2",
    "~=2.0",
)


@pytest.mark.parametrize("wanted", WANTED)
def test_versions_fit_as_packaging_says(wanted: str) -> None:
    for version in VERSIONS:
        expected = SpecifierSet(wanted).contains(version.partition("+")[0])
        assert fits(version, wanted) is expected, version


def test_requirements_are_read_as_they_are_declared() -> None:
    always, extras = read_libraries(
        [
            "numpy>=1.26",
            "torch (>=9999)",
            "no_such-library[more]<2,>=1; extra == 'some'",
            "pillow; (python_version < '3.0') and extra == 'some'",
            "rich; python_version >= '3.0' and extra == 'Some'",
            "pytest; extra == 'dev'",
        ]
    )
    assert [(one.name, one.fits) for one in always] == [("numpy", True), ("torch", False)]
    (some,) = extras
    assert [one.name for one in some.libraries] == ["no_such-library", "rich"]
    assert some.lacking == ("no_such-library",)


def test_rateval_s_own_are_found() -> None:
    always, extras = read_libraries()
    assert {one.name for one in always if one.fits} >= {"numpy", "torch", "rich"}
    names = {extra.name for extra in extras}
    assert {"clip", "html", "lavis"} <= names
    assert not {"all", "dev"} & names

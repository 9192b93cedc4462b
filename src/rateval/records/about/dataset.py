"""What ``run.json`` says of the data of a study."""

from __future__ import annotations

from rateval.records.base import Record


class DatasetRecord(Record):
    """The data that a label of the spec stands for."""

    name: str
    seed: int | None = None
    """The one of the study's seeds that it was made with; null when it depends on none."""
    classes: tuple[str, ...]
    unit: str = "image"
    """What its task predicts once, in the singular."""
    train_identity: str | None
    train_count: int
    train_of: int | None = None
    """Samples of the training split before a limit narrowed it; null where none did."""
    train_classes: int | None = None
    """Classes that the narrowed split has samples of; null where it doesn't list its labels."""
    test_identity: str
    test_count: int
    test_of: int | None = None
    """As ``train_of``, of the test split."""
    test_classes: int | None = None
    """As ``train_classes``, of the test split."""

    @property
    def whole_test(self) -> str:
        """Identity of the test split before a limit narrowed it.

        >>> found = dict(name="a", classes=(), train_identity=None, train_count=0, test_count=2)
        >>> limited = "birds (limited to 2 of 9 by ids)"
        >>> DatasetRecord(**found, test_identity=limited, test_of=9).whole_test
        'birds'
        """
        narrowed = self.test_of is not None
        return self.test_identity.rpartition(" (limited to ")[0] if narrowed else self.test_identity

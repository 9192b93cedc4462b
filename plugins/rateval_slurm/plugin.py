"""The executor of Slurm clusters, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl

SLURM = Component(
    name="slurm",
    summary="Steps in jobs of a Slurm cluster, several to a job, through submitit",
    factory="rateval_slurm.executor:make_slurm",
    params="rateval_slurm.params:SlurmParams",
    requires=("submitit",),
    extra="slurm",
    source="https://github.com/facebookincubator/submitit",
)


@hookimpl
def rateval_register_executors() -> list[Component]:
    """Return ``slurm``."""
    return [SLURM]

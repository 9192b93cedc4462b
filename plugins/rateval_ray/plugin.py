"""The executor of Ray clusters, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl

RAY = Component(
    name="ray",
    summary="Steps on a Ray cluster, or on one that this computer makes for the run",
    factory="rateval_ray.executor:make_ray",
    params="rateval_ray.params:RayParams",
    requires=("ray",),
    extra="ray",
)


@hookimpl
def rateval_register_executors() -> list[Component]:
    """Return ``ray``."""
    return [RAY]

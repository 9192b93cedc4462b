"""The trackers, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl


@hookimpl
def rateval_register_trackers() -> list[Component]:
    """Return ``mlflow``, ``tensorboard``, ``trackio`` and ``wandb``."""
    return [
        Component(
            name="mlflow",
            summary="A run of MLflow, in a database file beside the runs or on a server",
            factory="rateval_trackers.mlflow_runs:make_mlflow",
            params="rateval_trackers.params:MlflowParams",
            requires=("mlflow", "sqlalchemy", "alembic"),
            extra="mlflow",
        ),
        Component(
            name="tensorboard",
            summary="A folder of events that TensorBoard reads",
            factory="rateval_trackers.tensorboard_events:make_tensorboard",
            params="rateval_trackers.params:TensorboardParams",
            requires=("tensorboard",),
            extra="tensorboard",
        ),
        Component(
            name="trackio",
            summary="A run of trackio, in its database on this computer",
            factory="rateval_trackers.trackio_runs:make_trackio",
            params="rateval_trackers.params:TrackioParams",
            requires=("trackio",),
            extra="trackio",
        ),
        Component(
            name="wandb",
            summary="A run of Weights & Biases, offline unless told otherwise",
            factory="rateval_trackers.wandb_runs:make_wandb",
            params="rateval_trackers.params:WandbParams",
            requires=("wandb",),
            extra="wandb",
        ),
    ]

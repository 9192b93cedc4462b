"""What is timed: a classifier with images, and how other libraries explain it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

import rateval
from rateval.api import Classifier, Context, Model

CLASSES = [f"thing number {index}" for index in range(100)]


@dataclass(frozen=True, slots=True)
class Case:  # a zero-shot classifier of random weights, and noise with boxes as evidence
    model: Model
    classifier: Classifier
    images: torch.Tensor
    labels: torch.Tensor
    masks: torch.Tensor


def make_case(architecture: str, batch: int, device: str) -> Case:
    params = {"architecture": architecture, "pretrained": "random"}
    model = rateval.create("model", "clip", context=Context(device=device), **params)
    classifier = rateval.create("finetuner", "zs").restore(model, CLASSES, {})
    draw = torch.Generator().manual_seed(0)
    height, width = model.card.image_size
    images = torch.randn(batch, 3, height, width, generator=draw)
    labels = torch.randint(len(CLASSES), (batch,), generator=draw)
    masks = torch.zeros(batch, height, width, dtype=torch.bool)
    masks[:, height // 4 : height * 3 // 4, width // 3 : width * 2 // 3] = True
    return Case(model, classifier, images.to(device), labels.to(device), masks.to(device))


@torch.inference_mode()
def plain_forward(case: Case) -> None:
    case.model.encode_image(case.images)


class Network(nn.Module):
    """A classifier as other libraries expect one."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.tower = classifier.model.image_tower
        self.forward = classifier.logits


def captum_layer(case: Case, count: int) -> None:
    from captum.attr import LayerIntegratedGradients

    tower: Any = case.model.image_tower
    method = LayerIntegratedGradients(Network(case.classifier), tower.transformer.resblocks[-1])
    images, labels = case.images[:count], case.labels[:count]
    method.attribute(images, target=labels, n_steps=50, internal_batch_size=count)


def grad_cam(case: Case, count: int) -> None:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    tower: Any = case.model.image_tower

    def reshape(tokens: torch.Tensor) -> torch.Tensor:
        return tokens[:, 1:].mT.reshape(len(tokens), -1, *case.model.grid)

    layers = [tower.transformer.resblocks[-1].ln_1]
    targets = [ClassifierOutputTarget(label) for label in case.labels[:count].tolist()]
    with GradCAM(Network(case.classifier), layers, reshape_transform=reshape) as method:
        # Where no weight requires a gradient, it finds none unless the images do.
        method(input_tensor=case.images[:count].clone().requires_grad_(), targets=targets)

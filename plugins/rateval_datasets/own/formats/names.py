"""The formats of annotations that may be read, by datumaro's names of them."""

from __future__ import annotations

READ = (
    "ade20k2017",
    "ade20k2020",
    "camvid",
    "cityscapes",
    "coco",
    "coco_instances",
    "coco_labels",
    "coco_panoptic",
    "coco_stuff",
    "common_semantic_segmentation",
    "common_semantic_segmentation_with_subset_dirs",
    "cvat",
    "datumaro",
    "imagenet",
    "imagenet_txt",
    "imagenet_with_subset_dirs",
    "kitti_detection",
    "kitti_segmentation",
    "label_me",
    "mapillary_vistas",
    "mapillary_vistas_instances",
    "mmdet_coco",
    "mvtec",
    "mvtec_classification",
    "mvtec_detection",
    "mvtec_segmentation",
    "open_images",
    "roboflow_coco",
    "roboflow_multiclass",
    "roboflow_voc",
    "voc",
    "voc_classification",
    "voc_detection",
    "voc_instance_segmentation",
    "voc_segmentation",
    "vott_csv",
    "vott_json",
    "yolo",
)
"""Formats of text, tables and images, which say what is on a photo. Not among them are those that
hold pickles, MAT-files, containers or video, and those without classes."""

CHOSEN_BY_NAME = frozenset(
    {
        "imagenet_txt",
        "mvtec_classification",
        "mvtec_detection",
        "mvtec_segmentation",
        "voc_classification",
        "voc_detection",
        "voc_instance_segmentation",
        "voc_segmentation",
    }
)
"""Formats that are a part of another one, or lie as that does: ``auto`` doesn't look for them."""

SHARES = frozenset({"open_images", "yolo"})
"""Formats that say places as shares of a photo's sides, whatever its size."""

UNGROUPED = "voc"
"""Formats that begin with this number the boxes of objects otherwise than their masks."""

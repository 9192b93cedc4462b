"""The readers of people's own data and of public datasets, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl


@hookimpl
def rateval_register_datasets() -> list[Component]:
    """Return the readers of own photos, and of public datasets, questions and captions."""
    return [*_own(), *_public(), *_questions(), *_captions()]


def _own() -> list[Component]:
    return [
        Component(
            name="folder",
            summary="your photos in class folders; evidence: masks, a COCO file, or none",
            factory="rateval_datasets.own.folder:make_folder",
            params="rateval_datasets.own.params:FolderParams",
            detect="rateval_datasets.detection.own:detect_folder",
        ),
        Component(
            name="table",
            summary="your photos in a CSV, Parquet or JSON Lines table; evidence: masks or shapes",
            factory="rateval_datasets.own.table:make_table",
            params="rateval_datasets.own.tables.params:TableParams",
            detect="rateval_datasets.detection.tables:detect_table",
            tasks=("classification", "vqa"),
        ),
        Component(
            name="photo",
            summary="one photo of yours, as `rateval look` reads it; evidence: a mask, or none",
            factory="rateval_datasets.own.one_photo:make_photo",
            params="rateval_datasets.own.params:OnePhotoParams",
            tasks=("classification", "vqa", "captioning"),
        ),
        Component(
            name="coco",
            summary="your photos with COCO files of instances; evidence: outlines, masks, boxes",
            factory="rateval_datasets.own.coco.dataset:make_coco",
            params="rateval_datasets.own.coco.params:CocoParams",
            detect="rateval_datasets.detection.coco:detect_coco",
            requires=("pycocotools",),
            extra="coco",
            source="Lin et al., ECCV 2014; cocodataset.org",
            tasks=("classification", "vqa"),
        ),
        Component(
            name="datumaro",
            summary="your photos in an annotation format that datumaro reads: VOC, YOLO, CVAT, …",
            factory="rateval_datasets.own.formats.dataset:make_datumaro",
            params="rateval_datasets.own.formats.params:DatumaroParams",
            detect="rateval_datasets.detection.formats:detect_datumaro",
            requires=("datumaro",),
            extra="formats",
            source="github.com/open-edge-platform/datumaro",
        ),
        Component(
            name="huggingface",
            summary="your photos in a folder or the cache of Hugging Face's library datasets",
            factory="rateval_datasets.own.hf_datasets.dataset:make_huggingface",
            params="rateval_datasets.own.hf_datasets.params:HuggingFaceParams",
            detect="rateval_datasets.detection.own:detect_huggingface",
            requires=("datasets",),
            extra="hf-datasets",
            source="github.com/huggingface/datasets",
        ),
        Component(
            name="webdataset",
            summary="your photos in tar shards as webdataset writes them; evidence: masks, or none",
            factory="rateval_datasets.own.shards.dataset:make_webdataset",
            params="rateval_datasets.own.shards.params:WebDatasetParams",
            source="github.com/webdataset/webdataset",
        ),
    ]


def _public() -> list[Component]:
    return [
        Component(
            name="imagenet",
            summary="ImageNet-1K (ILSVRC2012) from disk; evidence: boxes of the label",
            factory="rateval_datasets.public.imagenet:make_imagenet",
            params="rateval_datasets.public.params:ImageNetParams",
            detect="rateval_datasets.detection.public:detect_imagenet",
            source="Russakovsky et al., IJCV 2015; image-net.org",
        ),
        Component(
            name="imagenet-c",
            summary="ImageNet-C from disk, one corruption and severity; evidence: ImageNet's boxes",
            factory="rateval_datasets.public.imagenet_c:make_imagenet_c",
            params="rateval_datasets.public.params:ImageNetCParams",
            detect="rateval_datasets.detection.public:detect_imagenet_c",
            source="Hendrycks and Dietterich, ICLR 2019; zenodo.org/records/2235448",
        ),
        Component(
            name="caltech101",
            summary="Caltech-101 from disk; evidence: outlined contours",
            factory="rateval_datasets.public.caltech101:make_caltech101",
            params="rateval_datasets.public.params:Caltech101Params",
            detect="rateval_datasets.detection.public:detect_caltech101",
            source="Fei-Fei, Fergus, Perona, CVPR-W 2004; data.caltech.edu/records/mzrjq-6wc02",
        ),
        Component(
            name="cub200",
            summary="CUB-200-2011 from disk; evidence: segmentations of the bird",
            factory="rateval_datasets.public.cub200:make_cub200",
            params="rateval_datasets.public.params:Cub200Params",
            detect="rateval_datasets.detection.public:detect_cub200",
            source="Wah et al., CNS-TR-2011-001; data.caltech.edu/records/65de6-vp158",
        ),
        Component(
            name="stanford-dogs",
            summary="Stanford Dogs from disk; evidence: boxes of all dogs",
            factory="rateval_datasets.public.stanford_dogs:make_stanford_dogs",
            params="rateval_datasets.public.params:StanfordDogsParams",
            detect="rateval_datasets.detection.public:detect_stanford_dogs",
            source="Khosla et al., FGVC 2011; vision.stanford.edu/aditya86/ImageNetDogs",
        ),
    ]


def _questions() -> list[Component]:
    return [
        Component(
            name="gqa",
            summary="GQA from disk: questions; evidence: boxes of the objects an answer needs",
            factory="rateval_datasets.questions.gqa:make_gqa",
            params="rateval_datasets.questions.params:GqaParams",
            detect="rateval_datasets.detection.questions:detect_gqa",
            source="Hudson and Manning, CVPR 2019; cs.stanford.edu/people/dorarad/gqa",
            tasks=("vqa",),
        ),
        Component(
            name="vqa-v2",
            summary="VQA v2 from disk: questions about COCO's photos; no evidence",
            factory="rateval_datasets.questions.vqa_v2:make_vqa_v2",
            params="rateval_datasets.questions.params:VqaV2Params",
            detect="rateval_datasets.detection.questions:detect_vqa_v2",
            source="Goyal et al., CVPR 2017; visualqa.org",
            tasks=("vqa",),
        ),
        Component(
            name="vizwiz-vqa-grounding",
            summary="VizWiz-VQA-Grounding from disk: questions; evidence: outlines of answers",
            factory="rateval_datasets.questions.vizwiz:make_vizwiz",
            params="rateval_datasets.questions.params:VizWizParams",
            detect="rateval_datasets.detection.questions:detect_vizwiz",
            source="Chen, Anjum, Gurari, CVPR 2022; vizwiz.org",
            tasks=("vqa",),
        ),
    ]


def _captions() -> list[Component]:
    return [
        Component(
            name="coco-captions",
            summary="COCO's captions from disk; evidence: outlines of what a caption mentions",
            factory="rateval_datasets.captions.coco:make_coco_captions",
            params="rateval_datasets.captions.params:CocoCaptionsParams",
            detect="rateval_datasets.detection.captions:detect_coco_captions",
            requires=("pycocotools",),
            extra="coco",
            source="Chen et al., arXiv 1504.00325; cocodataset.org",
            tasks=("captioning",),
        ),
        Component(
            name="flickr30k-entities",
            summary="Flickr30k Entities from disk: captions; evidence: boxes of their phrases",
            factory="rateval_datasets.captions.flickr30k:make_flickr30k_entities",
            params="rateval_datasets.captions.params:Flickr30kEntitiesParams",
            detect="rateval_datasets.detection.captions:detect_flickr30k_entities",
            source="Plummer et al., IJCV 2017; github.com/BryanPlummer/flickr30k_entities",
            tasks=("captioning",),
        ),
    ]

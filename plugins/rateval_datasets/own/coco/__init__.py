"""Photos with the instances of COCO files."""

"""One score by class, and by how much of the image the evidence fills; by one seed or over them."""

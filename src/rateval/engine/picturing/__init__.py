"""Pictures of test images: which a study keeps, how they are made, and more of them later."""

"""What model plugins share: files, weights, prompts, geometry, recording; see rateval.api."""

"""CLIP and SigLIP through transformers for rateval."""

"""A run scored anew: what is stored of it judged and counted once more, without a model."""

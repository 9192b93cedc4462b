"""Photos in the tables of Hugging Face's library ``datasets``."""

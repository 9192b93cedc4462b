"""What models read as text: templates of prompts, vocabularies and tokenizers."""

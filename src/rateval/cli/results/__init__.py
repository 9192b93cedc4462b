"""One module per command that looks at results, each with its own arguments."""

"""Tables as papers and READMEs print them."""

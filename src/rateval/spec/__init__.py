"""What was asked: the tables of a spec and what is wrong with them."""

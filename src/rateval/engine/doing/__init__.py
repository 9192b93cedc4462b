"""How each step is done, with what several of them share kept."""

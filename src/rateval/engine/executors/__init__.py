"""Where steps run on this computer: the executor that rateval itself brings."""

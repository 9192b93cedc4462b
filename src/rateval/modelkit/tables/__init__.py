"""Tables of other libraries and of sizes, checked before anything is built from them."""

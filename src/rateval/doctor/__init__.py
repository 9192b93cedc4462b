"""What of an installation works on this computer, what is missing, and what is broken."""

"""Faults made on purpose: inputs mutated, stored files damaged, runs killed; and what must hold."""

"""Runtimes bring targets up and down; each is one module with the same functions."""

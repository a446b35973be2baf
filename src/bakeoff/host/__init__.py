"""This machine and this checkout: files, processes, environments, models and targets."""

"""bakeoff: one PyTorch model, every way to deploy it, measured the same way."""

__version__ = "0.1.0"

"""From samples to statements: pure functions over arrays."""

"""An experiment: its configuration, which trial comes next, and the run."""

"""Where servers run: as processes of this machine, in containers, or started by somebody else."""

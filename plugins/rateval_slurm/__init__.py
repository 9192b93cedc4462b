"""Steps as jobs of a Slurm cluster."""

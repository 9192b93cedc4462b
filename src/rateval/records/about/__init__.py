"""What run.json says of a run besides its scores: data, machine, trainings, pictures, parent."""

"""What commands do: runs, sweeps, ensembles, executors, plans, examples."""

"""Settings whose volumes have wanted properties, found by Bayesian optimization."""

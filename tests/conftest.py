"""Hypothesis profiles: `default` repeats itself; `thorough` searches (--hypothesis-profile)."""

import torch
from hypothesis import HealthCheck, settings

# Networks and fields are tiny here: a second thread would only wait for the first.
torch.set_num_threads(1)

quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "default", deadline=None, max_examples=30, derandomize=True, suppress_health_check=quiet
)
settings.register_profile("thorough", deadline=None, max_examples=1000, suppress_health_check=quiet)
settings.load_profile("default")

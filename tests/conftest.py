"""Hypothesis profiles: `default` repeats itself; `thorough` searches (--hypothesis-profile)."""

from hypothesis import HealthCheck, settings

quiet = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile(
    "default", deadline=None, max_examples=30, derandomize=True, suppress_health_check=quiet
)
settings.register_profile("thorough", deadline=None, max_examples=1000, suppress_health_check=quiet)
settings.load_profile("default")

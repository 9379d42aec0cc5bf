"""Measurements, each against a floor taken in the same run: compare ratios, never absolutes of two machines."""

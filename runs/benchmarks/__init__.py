"""Benchmark suites: each a function that measures, prints, and leaves judging to the reader."""

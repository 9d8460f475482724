"""Checks of what callers pass: one kind of value each, annotated fields, whole signatures."""

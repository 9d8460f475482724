"""Finds or trains the dense network, the levels of a treatment and their controls."""

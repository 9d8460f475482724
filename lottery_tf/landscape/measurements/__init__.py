"""Measurements of the landscape around trained levels, each stored beside its level: `catalogue` lists them."""

"""Measurements of the error landscape around trained levels, stored beside the levels; `catalogue` lists them."""

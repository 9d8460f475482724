"""What the commands of `runs` and `analysis` share: their flags, start, errors and printed tables."""

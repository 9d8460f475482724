"""The networks of Table S1 and of Frankle & Carbin: their settings, and the functions that build them."""

"""The networks of Table S1 and of Frankle & Carbin: their settings as data, and how each is built."""

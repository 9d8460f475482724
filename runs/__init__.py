"""The commands. `python -m runs.NAME --help` describes a command, and `README.md` all of them."""

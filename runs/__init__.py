"""The commands: `python -m runs.NAME --help` says what each does. `README.md` has a page on them."""

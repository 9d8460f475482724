"""One HTML page of a results folder; `sections.SECTIONS` says what stands on it, and `parts` how figures do."""

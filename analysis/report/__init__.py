"""Makes an HTML page from a results folder: `sections.SECTIONS` lists its sections, `parts` makes what they show."""

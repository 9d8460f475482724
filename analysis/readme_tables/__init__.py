"""Makes the tables of results in Markdown files: `catalogue.TABLES` names the functions that make their rows."""

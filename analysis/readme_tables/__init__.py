"""Makes the tables of results in Markdown files: `catalogue.README_TABLES` names the functions that make their rows."""

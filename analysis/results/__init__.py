"""All results as tables: loaded from a folder, and the rows of one network, treatment or measurement."""

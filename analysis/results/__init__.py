"""Reads results into data frames: `columns` lists their columns, `load.load` reads them, `select` selects rows."""

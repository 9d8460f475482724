"""All results as tables: `columns` says which, `load.load` reads them, `select` has the rows of a panel."""

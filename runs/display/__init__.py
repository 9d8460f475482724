"""What the commands show: what is to do, progress, tables and figures of results."""

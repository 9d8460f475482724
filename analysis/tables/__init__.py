"""The tables of the paper and the numbers behind each figure; `all_tables` lists them."""

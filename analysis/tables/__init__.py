"""The tables of the paper and the numbers behind each figure; `catalogue` lists them."""

"""Makes the tables of the paper and the numbers behind each figure; `catalogue.TABLES` names the functions."""

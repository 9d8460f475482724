"""The tables of the paper and the numbers behind each figure; `catalogue.TABLES` says which function makes each."""

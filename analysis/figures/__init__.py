"""The figures of the paper and of the two works behind it; `catalogue` lists them."""

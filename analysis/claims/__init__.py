"""The claims of the paper and of the two works behind it, each a test on the data; `catalogue` lists them."""

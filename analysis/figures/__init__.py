"""The figures of the paper and of the two works behind it; `all_figures` lists them."""

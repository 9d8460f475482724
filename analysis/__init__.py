"""Makes tables, figures, verdicts on claims and a report from results; `analysis/README.md` says where things are."""

"""Studies: whole figures and tables as plans of trainings, and who does them.

studies (what is named, and its plan) -> work (units) -> scheduler -> engines (processes here) or ray_engine -> worker
"""

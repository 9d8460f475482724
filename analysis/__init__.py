"""Makes tables, figures, verdicts on claims and a report from results. Every command here has the flag `--results_dir`.

Where to find what:
  which treatments are the lines of a figure    `lottery_tf.studies.paper.FIGURES`
  how a figure's lines are computed             `statistics.figure_lines.lines`
  which function draws a figure                 `figures.catalogue.FIGURES`
  when a star is drawn                          `statistics.stars.stars`, by a `StarRule`
  how a claim is judged                         `claims.verdicts.above`, `earlier` and `equivalent`
  how a claim is tested                         its call or function in `claims.zhou2019`, `frankle2019` or `paul2023`
  the maxima of Table 1                         `tables.table1.table1`
  which columns a CSV file has                  `results.columns.CSV_COLUMNS`
  which sections a report has                   `report.sections.SECTIONS`

A panel is one network, data set, schedule and precision; a figure shows it in one row. Sub-packages import only from
those after them in this order: report, figures and claims, tables, statistics, results.
"""

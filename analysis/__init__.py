"""What is read from results: tables, figures, claims and a report. Every command here takes `--results_dir`.

Where to find what:
  which treatments are the lines of a figure    `lottery_tf.studies.paper.FIGURES`
  how a figure's lines come from results        `statistics.figure_lines.lines`
  which function draws a figure                 `figures.catalogue.FIGURES`
  what a star takes                             `statistics.stars.stars`, by a `StarRule`
  how a claim is judged                         `claims.verdicts.above`, `earlier` and `as_well_as`
  what a claim is tested on                     its function in `claims.zhou2019`, `frankle2019` or `paul2023`
  the maxima of Table 1                         `tables.table1.table1`
  which columns a CSV file has                  `results.columns.CSV_COLUMNS`
  what stands on the page of a report           `report.sections.SECTIONS`

A panel is what a row of a figure shows: one network, data set, schedule and precision. Rooms import from those below
them only: report, then figures and claims, tables, statistics, results.
"""

"""The results folder.

  store            results in memory, or in a folder where later commands find them
  result_files     writes and reads the files of one result
  stored_result    what a result holds: mask, metrics, history and weights
  record           compares the stored record of an experiment with the present experiment
  walk             finds all finished results below a folder
  locate           finds a trained network from the path of its result
  paths            builds and parses every path
  files            writes single files atomically, and reads and checks them
  parsing          parses files; malformed content raises `DamagedFile`
  schemas          the schemas of the JSON files, except
  metrics_schemas  those of `metrics.json`, one for each kind of result

None of them imports TensorFlow.
"""

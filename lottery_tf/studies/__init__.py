"""Studies: whole figures and tables of the paper, as plans of tasks that many processes do.

What is to do:

  named_studies, paper   the trainings of each study, as data
  base_task, tasks       the kinds of tasks
  planning               turns a `Request` into a `Plan` of tasks, each after its prerequisites
  costs, remaining_time  how long tasks take, and how much memory and how many threads

How it is done:

  scheduler              starts ready tasks in the slots of an engine, the longest chain first
  engines                what an engine is; whose slots fit at once
  local_engine           an engine whose slots are processes on this machine
  ray_engine             an engine whose slots are actors on a Ray cluster
  ray_cluster, ray_node  the cluster, and what runs on its nodes
  worker                 does a task in a slot: finds or trains its result
  shared_datasets        data sets as plain arrays that all slots map into memory

What is stored:

  task_results           finds results of tasks in the results folder
  study_folder           the request, the state and the logs of a study

The command is `runs.study`.
"""

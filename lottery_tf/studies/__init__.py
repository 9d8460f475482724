"""Studies: whole figures and tables of the paper, as plans of tasks that many processes do.

    named_studies, paper    the trainings of each study, as data
    planning                turns a `Request` into a `Plan` of `tasks`, each after its prerequisites
    scheduler               starts ready tasks in the slots of an engine, the longest chain first
    local_engine            an `engines.Engine` whose slots are processes on this machine
    ray_engine              an `engines.Engine` whose slots are actors on a Ray cluster
    worker                  does a task in a slot: finds or trains its result
    task_results            finds results of tasks in the results folder
    study_folder            the request, the state and the logs of a study

The command is `runs.study`.
"""

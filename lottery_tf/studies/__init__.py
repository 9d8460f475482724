"""Studies: whole figures and tables of the paper, as plans of tasks that many processes do.

    named_studies, paper    what each study trains, as data
    planning                a `Request` becomes a `Plan` of `tasks`, each after its prerequisites
    scheduler               starts the tasks that are ready, longest chain first, in the slots of an engine
    local_engine            slots that are processes on this machine
    ray_engine              slots that are actors on a Ray cluster; both are `engines.Engine`
    worker                  does a task in a slot: finds or trains its result
    task_results            what the results folder has of a task already
    study_folder            the request, the state and the logs of a study

The command is `runs.study`.
"""

"""The reports door: a process beside the controller to which training processes tell their steps.

Ten thousand of them may tell at once, and what they send was written by anybody, so none of it is read on the loop that
heartbeats, nor in its process, whose interpreter runs one thread at a time. The controller hands in which jobs live, and once a
second is handed one line for each job of which something was heard. Never here: a decision about a job.
"""

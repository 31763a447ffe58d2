"""A cluster of thousands of nodes on one machine: what a controller costs, and how evenly it works, with thousands of jobs.

The cluster is a stand-in (a process of its own that speaks YARN's real protocols and starts no process); the controller is the
real one. What is measured is the controller alone: no JVM and no training works beside it.
"""

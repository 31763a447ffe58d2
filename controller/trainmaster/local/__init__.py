"""A real one-machine Hadoop (HDFS and YARN daemons on loopback) for the quick start, the tests and the
benchmarks.

`cluster` is the door: `LocalHadoop(folder, Options(nodes=2)).up()`. Never here: anything of jobs, and
anything that the controller needs on a real cluster.
"""

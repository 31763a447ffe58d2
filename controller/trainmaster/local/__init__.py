"""A real one-machine Hadoop (HDFS and YARN daemons on loopback), and a real Kubernetes control plane, for the quick
start, the tests and the benchmarks.

`cluster` is the door to Hadoop: `LocalHadoop(folder, Options(nodes=2)).up()`; `kubernetes` the other. Never here:
anything of jobs, and anything that the controller needs on a real cluster.
"""

"""A real Kubernetes control plane (etcd, kube-apiserver, kube-controller-manager on loopback) for the quick start,
the tests and the benchmarks.

`controlplane` is the door: `LocalKubernetes(folder).up()`. There are no nodes: jobs run on YARN. Never here: anything
of jobs, and anything that the controller needs on a real cluster.
"""

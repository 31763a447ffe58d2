"""Kubernetes as a source of jobs: what is declared there, and the controller's journal, lease and rights.

Nothing of kopf or of the kubernetes library is known outside of this folder.
"""

"""What the controller serves over HTTP: metrics, health, a read-only API and the job pages.

It reads the fleet's pictures and nothing else. Never here: a decision, a call to YARN or to a store, or a change.
"""

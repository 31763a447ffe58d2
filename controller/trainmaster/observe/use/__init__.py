"""What containers use, as their NodeManagers measure it: asked on a beat of its own, joined with the replicas, and shown.

values.py and curves.py are pure, watch.py asks, exposition.py serves. Never here: a decision, or anything that a heartbeat
waits for.
"""

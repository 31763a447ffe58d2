"""GPUs as their NodeManagers tell of them: asked on a beat of its own, joined with the containers that hold them, and shown.

values.py and rota.py are pure, watch.py asks, bill.py counts, exposition.py serves. Never here: a decision, or anything that a
heartbeat waits for.
"""

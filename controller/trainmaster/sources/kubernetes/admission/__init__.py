"""Telling people at `kubectl apply` what the engine would say a moment later: admission webhooks and their certificates.

`webhooks` is the door. Nothing rests on them: the engine repeats every verdict. Never here: a rule about jobs.
"""

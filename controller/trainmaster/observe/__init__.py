"""What the controller shows of itself to machines: metrics read off the kept pictures, and structured logs.

Never here: a decision, a call to YARN or to a store, or a number that has to survive a restart.
"""

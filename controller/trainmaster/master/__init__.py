"""The shell: one master per job (heartbeat, act, report), the fleet of them, the journal, the lease.

Here the clock is read and things are done; what to do is decided in plan/.
"""

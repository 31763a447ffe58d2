"""The brain: from (job, memory, seen, now) to a Plan, as an ordinary function of values.

Never here: IO, the clock, chance, logs, metrics, asyncio. Work for later is returned as `wake_at`, never slept.
"""

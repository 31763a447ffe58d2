"""Benchmarks: trainmaster side by side with YARN Services on a real one-machine Hadoop. `python -m bench`.

`figures` and `table` are pure; the systems under test are small classes that declare and remove a job; `scenarios`
and `scale` measure them. Nothing here is part of the product, and nothing of the product knows of it.
"""

"""Files that go with a job's processes, as they are: they must run by themselves, on any Python from 3.7 on.

Never here: anything that imports the package, or that the package imports.
"""

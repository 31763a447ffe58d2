"""The nouns that people write and read: TrainingJob, its status, conditions and reasons.

One set of pydantic models is the mother of the custom resource definition, of the files in HDFS and of the
JSON that the web serves. Never here: IO, the clock, or a decision.
"""

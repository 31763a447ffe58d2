"""A trace of each run of a job that is over, in OpenTelemetry's form: spans.py and otlp.py are pure, exporter.py sends.

Never here: anything that a job waits for.
"""

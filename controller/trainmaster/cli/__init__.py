"""What a person types. Commands read and write the store themselves, so they work while no controller runs.

Slow imports stand inside the commands that need them: `trainmaster --help` answers at once. Never here: anything
that the controller does.
"""

"""`python -m trainmaster`: the same as the `trainmaster` program."""

from trainmaster.cli.main import run

run()

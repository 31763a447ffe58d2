"""An operator for machine-learning training on Hadoop YARN. The rooms are described in ARCHITECTURE.md."""

__version__ = "0.1.0"

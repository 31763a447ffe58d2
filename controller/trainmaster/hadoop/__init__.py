"""The wires to Hadoop: RPC, tokens, ResourceManager, NodeManagers, REST, configuration files.

Beside sources/, the only room that opens connections. It carries words and decides nothing; every failure
leaves it as one of the families of trainmaster.errors.
"""

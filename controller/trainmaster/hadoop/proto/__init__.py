"""Own minimal .proto files of Hadoop, and what `make proto` generates from them. Never edited by hand: *_pb2."""

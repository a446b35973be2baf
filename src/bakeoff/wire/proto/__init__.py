"""Messages of the gRPC wires, generated from the .proto files beside this one with grpcio-tools 1.85.1.

To generate them again, at the repository's root:
python -m grpc_tools.protoc -Isrc --python_out=src --pyi_out=src src/bakeoff/wire/proto/*.proto
"""

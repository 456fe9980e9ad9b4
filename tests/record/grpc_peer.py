# SPDX-License-Identifier: Apache-2.0
"""A gRPC server and its clients, without generated code: messages are bytes.

    grpc_peer.py serve ADDRESS PORT
    grpc_peer.py calls ADDRESS PORT
    grpc_peer.py pausing ADDRESS PORT FILE    one call, then waits for FILE, then calls on the same connection
"""

import os
import sys
import time
from concurrent import futures

import grpc

SERVICE = "shop.Orders"


class Orders(grpc.GenericRpcHandler):
    def service(self, details):
        kinds = {
            "Get": grpc.unary_unary_rpc_method_handler(self.get),
            "List": grpc.unary_stream_rpc_method_handler(self.list),
            "Put": grpc.stream_unary_rpc_method_handler(self.put),
            "Chat": grpc.stream_stream_rpc_method_handler(self.chat),
            "Slow": grpc.unary_unary_rpc_method_handler(self.slow),
        }
        service, method = details.method.lstrip("/").split("/")
        return kinds.get(method) if service == SERVICE else None

    def get(self, request, context):
        if request == b"nothing":
            context.abort(grpc.StatusCode.NOT_FOUND, "no such order: 100 %, süß")
        return b"order " + request

    def list(self, request, context):
        for i in range(5):
            yield b"order %d " % i + b"x" * i * 10

    def put(self, requests, context):
        return b"%d orders" % sum(1 for _ in requests)

    def chat(self, requests, context):
        for request in requests:
            yield request
            yield request.upper()

    def slow(self, request, context):
        time.sleep(0.6)
        return b"late"


def serve(address, port):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), handlers=[Orders()])
    server.add_insecure_port(f"{address}:{port}")
    server.start()
    server.wait_for_termination()


def method(channel, kind, name):
    return getattr(channel, kind)(f"/{SERVICE}/{name}")


def failing(call, *args, **more):
    try:
        call(*args, **more)
    except grpc.RpcError as error:
        return error.code()
    raise SystemExit("this was to fail")


def calls(address, port):
    with grpc.insecure_channel(f"{address}:{port}") as channel:
        get = method(channel, "unary_unary", "Get")
        for i in range(3):
            get(b"%d" % i, metadata=[("x-request-id", f"order-{i}")])
        assert failing(get, b"nothing") == grpc.StatusCode.NOT_FOUND
        assert len(list(method(channel, "unary_stream", "List")(b""))) == 5
        method(channel, "stream_unary", "Put")(iter([b"a" * 10, b"b" * 20, b"c" * 30]))
        assert len(list(method(channel, "stream_stream", "Chat")(iter([b"one", b"two"])))) == 4
        assert failing(method(channel, "unary_unary", "Slow"), b"", timeout=0.2) == grpc.StatusCode.DEADLINE_EXCEEDED
        assert failing(method(channel, "unary_unary", "None"), b"") == grpc.StatusCode.UNIMPLEMENTED
        chat = method(channel, "stream_stream", "Chat")(iter(lambda: time.sleep(0.1) or b"on and on", None))
        next(chat)
        chat.cancel()
        time.sleep(0.3)


def pausing(address, port, name):
    with grpc.insecure_channel(f"{address}:{port}") as channel:
        get = method(channel, "unary_unary", "Get")
        get(b"before")
        while not os.path.exists(name):
            time.sleep(0.05)
        for i in range(3):
            get(b"after %d" % i, metadata=[("x-request-id", f"order-{i}")])
        failing(get, b"nothing")


if __name__ == "__main__":
    {"serve": serve, "calls": calls, "pausing": pausing}[sys.argv[1]](*sys.argv[2:])

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""service.py [ADDRESS:]PORT [DATABASE [sql]]: the application behind the service's nginx. Any path is answered with a line; `ms=N`
first takes its time, `n=BYTES` makes the answer so long, `redis=KEY`, `mysql=SECONDS` and `pg=SECONDS` ask a database
first, on a connection that stays open. The SQL clients are Debian's own, kept running."""

import http.server
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

ADDRESS, _, PORT = sys.argv[1].rpartition(":")
DATABASE = sys.argv[2] if sys.argv[2:] else None
lock = threading.Lock()


class Redis:
    def __init__(self):
        self.socket = socket.create_connection((DATABASE, 6379))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = self.socket.makefile("rb")

    def ask(self, key):
        self.socket.sendall(b"*2\r\n$4\r\nINCR\r\n$%d\r\n%s\r\n" % (len(key), key.encode()))
        return self.answer.readline()


class Client:
    """A command-line client that reads statements of a line and answers each with a line."""

    def __init__(self, *command, environment=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def ask(self, statement):
        self.process.stdin.write(statement.encode() + b";\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()


def databases():
    made = {"redis": Redis()} if DATABASE else {}
    if sys.argv[3:]:
        made["mysql"] = Client("mariadb", "--no-defaults", "-h", DATABASE, "-uapp", "-papp", "--skip-ssl", "-N", "-n", "shop")
        made["pg"] = Client("psql", "-X", "-q", "-t", "-A", f"host={DATABASE} user=app dbname=postgres sslmode=disable")
    return made


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        time.sleep(float(asked.get("ms", 0)) / 1000)
        with lock:
            if "redis" in asked:
                DATABASES["redis"].ask(asked["redis"])
            if "mysql" in asked:
                DATABASES["mysql"].ask(f"SELECT SLEEP({float(asked['mysql'])})")
            if "pg" in asked:
                DATABASES["pg"].ask(f"SELECT 1 FROM pg_sleep({float(asked['pg'])})")
        body = b"x" * int(asked.get("n", 0)) + b"done\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.wfile.write(head + body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64


DATABASES = databases()
Server((ADDRESS or "127.0.0.1", int(PORT)), Handler).serve_forever()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both ends of connections that ordinary servers and clients won't make: `peer.py MODE PORT` serves one behaviour on
every address, `peer.py MODE ADDRESS PORT [SOURCE-PORT [SIZE]]` is a client. Servers run until they are ended."""

import socket
import struct
import sys
import time

ABORT = struct.pack("ii", 1, 0)  # SO_LINGER 0: close sends RST


def listen(port, backlog=8):
    s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=backlog)
    return s


def connect(address, port, source=0, timeout=10):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(timeout)
    if source:
        s.bind(("", source))
    s.connect((address, port))
    return s


def read_all(s):
    n = 0
    while data := s.recv(65536):
        n += len(data)
    return n


# --- servers: one connection after the other

def serve_echo(port):
    """Answers every message; closes when the client did."""
    listener = listen(port)
    while True:
        s, _ = listener.accept()
        try:
            while data := s.recv(65536):
                s.sendall(b"re:" + data)
        except OSError:
            pass
        s.close()


def serve_reset(port):
    """Sends 20 kB of an answer, then breaks off."""
    listener = listen(port)
    while True:
        s, _ = listener.accept()
        s.recv(100)
        s.sendall(b"x" * 20000)
        time.sleep(0.2)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        s.close()


def serve_source(port):
    """Sends 400 kB as fast as the client takes it."""
    listener = listen(port)
    while True:
        s, _ = listener.accept()
        s.recv(100)
        try:
            s.sendall(b"y" * 400000)
        except OSError:
            pass
        s.close()


def serve_sink(port):
    """Reads until the client has finished its half, then answers."""
    listener = listen(port)
    while True:
        s, _ = listener.accept()
        n = read_all(s)
        time.sleep(0.1)
        s.sendall(b"got %d bytes\n" % n)
        time.sleep(0.1)
        s.sendall(b"bye\n")
        s.close()


def serve_full(port):
    """Never accepts; room for three connections."""
    listener = listen(port, 2)
    time.sleep(3600)
    listener.close()


def serve_udp(port):
    """Answers every datagram with one of the same size."""
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.bind(("::", port))
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(bytes(reversed(data)), peer)


def serve_slow(port):
    """HTTP, one request a connection, each answered after 200 to 900 ms."""
    listener = listen(port)
    n = 0
    while True:
        s, _ = listener.accept()
        s.recv(65536)
        time.sleep(0.2 + n % 8 * 0.1)
        body = b"report %d\n" % n
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        s.close()
        n += 1


# --- clients

def client_ask(address, port, source=0):
    """Three questions, each answered, with a pause between; a normal close."""
    s = connect(address, port, source)
    for n in range(3):
        s.sendall(b"question %d" % n)
        s.recv(1000)
        time.sleep(0.05)
    s.close()


def client_slow(address, port, source=0):
    """Reads nothing for two seconds, with a small receive buffer: the window closes; then everything."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    if source:
        s.bind(("", source))
    s.connect((address, port))
    s.sendall(b"go")
    time.sleep(2)
    s.settimeout(20)
    read_all(s)
    s.close()


def client_get(address, port, source=0):
    """Takes what comes until the end or a reset."""
    s = connect(address, port, source, 30)
    s.sendall(b"go")
    try:
        print(read_all(s))
    except ConnectionResetError:
        print("reset")
    s.close()


def client_abort(address, port, source=0):
    """One exchange, then RST although nothing is wrong."""
    s = connect(address, port, source)
    s.sendall(b"question")
    s.recv(1000)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
    s.close()


def client_half(address, port, source=0):
    """Sends, closes its own half, and takes the answer."""
    s = connect(address, port, source)
    s.sendall(b"z" * 3000)
    s.shutdown(socket.SHUT_WR)
    read_all(s)
    s.close()


def client_keepalive(address, port, source=0):
    """One exchange, then four seconds of silence under keep-alive probes a second apart."""
    s = connect(address, port, source)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    s.sendall(b"question")
    s.recv(1000)
    time.sleep(4.5)
    s.sendall(b"another")
    s.recv(1000)
    s.close()


def client_crowd(address, port, source=0):
    """Two connections, and after a second two more at once, at a server that accepts none; four bytes on each; given up
    after ten seconds."""
    held = []
    for n in range(4):
        if n == 2:
            time.sleep(1)
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        s.setblocking(False)
        if source:
            s.bind(("", source + n))
        s.connect_ex((address, port))
        held.append(s)
    time.sleep(0.2)
    for s in held:
        s.send(b"ask\n")
    time.sleep(10)
    for s in held:
        s.close()


def client_send(address, port, source=0, size=400000):
    """Sends so many bytes and takes the answer."""
    s = connect(address, port, source, 30)
    s.sendall(b"q" * size)
    s.shutdown(socket.SHUT_WR)
    read_all(s)
    s.close()


def client_udp(address, port, source=0):
    """Three datagrams of 100, 4000 and 9000 bytes, each answered (or refused)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(1)
    if source:
        s.bind(("", source))
    s.connect((address, port))
    for size in (100, 4000, 9000):
        try:
            s.send(bytes(n & 0xFF for n in range(size)))
            s.recv(65536)
        except OSError as e:
            print(e)
        time.sleep(0.05)


def client_try(address, port, source=0):
    """Tries to connect, and gives up after three and a half seconds."""
    try:
        connect(address, port, source, 3.5).close()
    except OSError as e:
        print(e)


def main():
    mode, *rest = sys.argv[1:]
    rest = [int(r) if r.isdigit() else r for r in rest]
    name = ("serve_" if len(rest) == 1 else "client_") + mode
    if name not in globals():
        sys.exit(f"peer.py: no such behaviour: {name}")
    globals()[name](*rest)


if __name__ == "__main__":
    main()

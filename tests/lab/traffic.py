# SPDX-License-Identifier: Apache-2.0
"""What the pod does: real sockets of the kernel, in the pod's namespace."""

import ctypes
import os
import socket
import struct
import time

VIP = "10.9.9.9"
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter(fd):
    if libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Pod:
    """Sockets belong to the namespace where they were made."""

    def __init__(self, namespace, server=VIP):
        self.server = server
        self.home, self.there = (os.open(path, os.O_RDONLY) for path in ("/proc/self/ns/net", f"/run/netns/{namespace}"))

    def socket(self, kind=socket.SOCK_STREAM, timeout=10):
        enter(self.there)
        try:
            s = socket.socket(socket.AF_INET, kind)
        finally:
            enter(self.home)
        s.settimeout(timeout)
        return s

    def connect(self, port=80, timeout=10, receive=0):
        s = self.socket(timeout=timeout)
        if receive:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.connect((self.server, port))
        return s

    def get(self, path, port=80, kept=None, timeout=10, pause=0.0):
        """A request; on a connection that is kept, or on one of its own. Returns the answer's status, None: none came.
        `pause`: between the first half of its head and the rest."""
        s = kept
        try:
            s = s or self.connect(port, timeout)
            head = f"GET {path} HTTP/1.1\r\n".encode()
            rest = b"Host: shop.test\r\n" + (b"" if kept else b"Connection: close\r\n") + b"\r\n"
            if pause:
                s.sendall(head)
                time.sleep(pause)
                head = b""
            s.sendall(head + rest)
            return answer(s)
        except OSError:
            return None
        finally:
            if s and not kept:
                s.close()

    def post(self, path, size, port=80, timeout=10):
        s = self.connect(port, timeout)
        try:
            s.sendall(f"POST {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size)
            return answer(s)
        except OSError:
            return None
        finally:
            s.close()

    def ask_name(self, name="shop.test", number=1, timeout=3):
        """A DNS query; True: it was answered."""
        question = b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0\0\1\0\1"
        with self.socket(socket.SOCK_DGRAM, timeout) as s:
            s.sendto(struct.pack("!HHHHHH", number, 0x100, 1, 0, 0, 0) + question, (self.server, 53))
            try:
                return len(s.recv(512)) > 0
            except OSError:
                return False


def answer(s):
    """Reads a response whole."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = s.recv(65536)
        if not more:
            return None
        got += more
    head, body = got.split(b"\r\n\r\n", 1)
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), None)
    while length is None or len(body) < length:
        more = s.recv(65536)
        if not more:
            break
        body += more
    return int(head.split()[1]) if length is None or len(body) == length else None

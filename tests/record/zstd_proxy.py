# SPDX-License-Identifier: Apache-2.0
"""zstd_proxy.py mysql|mongodb LISTEN PORT SERVER PORT: Zstandard between clients that speak it and a server that does not.
Needs zstandard. To clients of MySQL it is the server, which writes as that does (sql-common/net_serv.cc): what is larger than
its buffer at once, all else when the buffer is full or there is nothing more to say."""
import select, socket, struct, sys, threading
import zstandard

BUFFER, LARGEST, MIN_SIZE = 16384, 0xffffff, 50


def exactly(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(min(n - len(data), 1 << 20))
        if not more:
            raise EOFError
        data += more
    return data


def mysql_packet(sock):
    head = exactly(sock, 4)
    return head + exactly(sock, int.from_bytes(head[:3], "little"))


class MySQL:
    CAP_MYSQL, CAP_COMPRESS, CAP_ZSTD = 1, 1 << 5, 1 << 26

    def __init__(self, client, server):
        self.client, self.server, self.number, self.buffer = client, server, 0, b""

    def log_in(self):
        """The server is MariaDB, and says it is MySQL and speaks Zstandard. Passwords are between the two."""
        body = mysql_packet(self.server)[4:]
        rest = body[body.index(0):]  # zero, thread, challenge, zero, capabilities …
        low, high = struct.unpack_from("<H", rest, 14)[0], struct.unpack_from("<H", rest, 19)[0]
        caps = (low | high << 16) & ~self.CAP_COMPRESS | self.CAP_MYSQL | self.CAP_ZSTD
        rest = rest[:14] + struct.pack("<H", caps & 0xffff) + rest[16:19] + struct.pack("<H", caps >> 16) + rest[21:]
        body = b"\n8.0.36" + rest
        self.client.sendall(len(body).to_bytes(3, "little") + b"\0" + body)
        login = mysql_packet(self.client)
        caps = int.from_bytes(login[4:8], "little")
        assert caps & self.CAP_ZSTD
        self.server.sendall(login[:4] + (caps & ~self.CAP_ZSTD).to_bytes(4, "little") + login[8:])
        while True:
            answer = mysql_packet(self.server)
            self.client.sendall(answer)
            if answer[4] in (0x00, 0xff):
                return
            self.server.sendall(mysql_packet(self.client))

    def from_client(self):
        while True:
            head = exactly(self.client, 7)
            body = exactly(self.client, int.from_bytes(head[:3], "little"))
            self.number = head[3] + 1
            plain = int.from_bytes(head[4:], "little")
            self.server.sendall(zstandard.ZstdDecompressor().decompress(body, plain) if plain else body)

    def send(self, data):
        packed = zstandard.ZstdCompressor(level=3).compress(data) if len(data) >= MIN_SIZE else data
        plain = len(data) if len(packed) < len(data) else 0
        body = packed if plain else data
        head = len(body).to_bytes(3, "little") + bytes([self.number & 255]) + plain.to_bytes(3, "little")
        self.number += 1
        self.client.sendall(head + body)

    def flush(self):
        if self.buffer:
            self.send(self.buffer)
        self.buffer = b""

    def write(self, data):
        room = BUFFER - len(self.buffer)
        if len(data) > room:
            if self.buffer:
                self.buffer += data[:room]
                data = data[room:]
                self.flush()
            while len(data) > LARGEST:
                self.send(data[:LARGEST])
                data = data[LARGEST:]
            if len(data) > BUFFER:
                self.send(data)
                return
        self.buffer += data

    def from_server(self):
        while True:
            if not select.select([self.server], [], [], 0.02)[0]:
                self.flush()
            packet = mysql_packet(self.server)
            self.write(packet[:4])
            self.write(packet[4:])


class MongoDB:
    """What answers a compressed message is compressed; the client knows what must not be."""
    HEAD, COMPRESSED, MSG, ZSTD = struct.Struct("<4i"), 2012, 2013, 3

    def __init__(self, client, server):
        self.client, self.server, self.compressed = client, server, set()

    def log_in(self):
        pass

    def message(self, sock):
        head = exactly(sock, self.HEAD.size)
        size, *rest = self.HEAD.unpack(head)
        return *rest, exactly(sock, size - len(head))

    def send(self, sock, number, to, op, body):
        sock.sendall(self.HEAD.pack(self.HEAD.size + len(body), number, to, op) + body)

    def from_client(self):
        while True:
            number, to, op, body = self.message(self.client)
            if op == self.COMPRESSED:
                op, size, how = struct.unpack_from("<iiB", body)
                assert how == self.ZSTD
                body = zstandard.ZstdDecompressor().decompress(body[9:], size)
                self.compressed.add(number)
            self.send(self.server, number, to, op, body)

    def from_server(self):
        import bson
        while True:
            number, to, op, body = self.message(self.server)
            if op == self.MSG and to not in self.compressed:
                # What is said before anything is compressed: that it can be.
                document = bson.decode(body[5:])
                if "maxWireVersion" in document:
                    document["compression"] = ["zstd"]
                    body = body[:5] + bson.encode(document)
            elif op == self.MSG:
                body = struct.pack("<iiB", op, len(body), self.ZSTD) + zstandard.ZstdCompressor(level=6).compress(body)
                op = self.COMPRESSED
            elif op == 1:
                document = bson.decode(body[20:])
                document["compression"] = ["zstd"]
                body = body[:20] + bson.encode(document)
            self.send(self.client, number, to, op, body)


def run(what, sockets):
    try:
        what()
    except (EOFError, OSError):
        pass
    for sock in sockets:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(kind, client, address):
    server = socket.create_connection(address)
    for sock in (client, server):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    both = kind(client, server)
    both.log_in()
    threading.Thread(target=run, args=(both.from_client, (client, server))).start()
    run(both.from_server, (client, server))


def main():
    kind = {"mysql": MySQL, "mongodb": MongoDB}[sys.argv[1]]
    listener = socket.create_server((sys.argv[2], int(sys.argv[3])))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(kind, client, (sys.argv[4], int(sys.argv[5]))), daemon=True).start()


main()

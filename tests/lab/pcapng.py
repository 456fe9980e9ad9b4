# SPDX-License-Identifier: Apache-2.0
"""Captures as dumpcap writes them (pcapng, little-endian, one interface, nanoseconds), packet by packet."""

import struct

SHB, IDB, EPB, ISB = 0x0A0D0D0A, 1, 6, 5
NAME, RESOLUTION = 2, 9  # options of an interface


def blocks(path):
    with open(path, "rb") as f:
        data = f.read()
    at = 0
    while at + 12 <= len(data):
        kind, size = struct.unpack_from("<II", data, at)
        yield kind, data[at:at + size]
        at += size


def time_of(block):
    high, low = struct.unpack_from("<II", block, 12)
    return high << 32 | low


def times_of(path):
    return [time_of(block) for kind, block in blocks(path) if kind == EPB]


def retimed(source, target, change):
    """Writes it with other times: nanoseconds to nanoseconds, None: the packet goes."""
    with open(target, "wb") as f:
        for kind, block in blocks(source):
            if kind == EPB:
                ns = change(time_of(block))
                if ns is None:
                    continue
                block = block[:12] + struct.pack("<II", ns >> 32, ns & 0xFFFFFFFF) + block[20:]
            if kind != ISB:
                f.write(block)
    return target


def block_of(kind, body):
    size = 12 + len(body)
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def merged(files, target):
    """One file with an interface for each, by time, and nothing that tells of the machine."""
    packets = []
    with open(target, "wb") as f:
        f.write(block_of(SHB, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for n, (name, path) in enumerate(files.items()):
            options = option(NAME, name.encode()) + option(RESOLUTION, b"\x09") + option(0, b"")
            f.write(block_of(IDB, struct.pack("<HHI", 1, 0, 0) + options))
            for kind, block in blocks(path):
                if kind == EPB:
                    length = struct.unpack_from("<I", block, 20)[0]
                    body = struct.pack("<I", n) + block[12:28] + block[28:28 + length + -length % 4]
                    packets.append((time_of(block), n, block_of(EPB, body)))
        packets.sort(key=lambda p: p[:2])
        f.writelines(p[2] for p in packets)

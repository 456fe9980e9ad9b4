#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""slow_link.py DEVICE DEVICE MS: a cable between two devices on which each frame from the first to the second takes so many
milliseconds, for kernels without netem."""

import collections
import select
import socket
import sys
import time

OUTGOING = 4


def opened(device):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((device, 0))
    s.setblocking(False)
    return s


def main():
    near, far, delay = opened(sys.argv[1]), opened(sys.argv[2]), float(sys.argv[3]) / 1000
    waiting = collections.deque()
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            far.send(waiting.popleft()[1])
        readable, _, _ = select.select([near, far], [], [], max(0, waiting[0][0] - now) if waiting else None)
        for s in readable:
            frame, sender = s.recvfrom(65536)
            if sender[2] == OUTGOING:
                continue
            if s is near:
                waiting.append((time.monotonic() + delay, frame))
            else:
                near.send(frame)


if __name__ == "__main__":
    main()

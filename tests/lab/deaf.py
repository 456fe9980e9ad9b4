#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deaf.py ADDRESS PORT: a server that does not read what it gets for half a second, so that its window closes."""

import socket
import sys
import time

listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
while True:
    s, _ = listener.accept()
    time.sleep(0.5)
    while s.recv(65536):
        pass
    s.close()

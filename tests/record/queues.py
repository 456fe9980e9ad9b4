#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients for recordings-queues.sh: `queues.py NAME ADDRESS`."""

import socket
import struct
import sys
import time


def talk(address, port, local, steps):
    """Each step is sent; then comes what ends with the given bytes, or that many."""
    s = socket.create_connection((address, port), 5, ("", local))
    for out, end in steps:
        s.sendall(out)
        got = b""
        while (len(got) < end) if isinstance(end, int) else not got.endswith(end):
            got += s.recv(65536)
    s.close()


def command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (x.encode() for x in words))


def redis(address):
    ok = b"+OK\r\n"
    talk(address, 6379, 40001, [
        (command("HELLO", "3"), b"modules\r\n*0\r\n"),
        (command("MULTI") + command("SET", "a", "x") + command("INCR", "a") + command("EXEC"), b"range\r\n"),
        (command("SUBSCRIBE", "news:1", "news:2"), b":2\r\n"),
        (command("PUBLISH", "news:1", "hello"), b":1\r\n"),
        (command("CLIENT", "REPLY", "SKIP") + command("SET", "b", "1") + command("GET", "b"), b"$1\r\n1\r\n"),
        (command("EVAL", "return redis.call('get', KEYS[1])", "1", "b"), b"$1\r\n1\r\n"),
        (command("GET", "nothing"), b"_\r\n"),
        (command("SELECT", "3") + command("SET", "user:1:name", "n" * 5000), ok + ok),
        (command("MGET", "user:1:name", "user:2:name"), b"_\r\n"),
        (command("AUTH", "wrong"), b"\r\n"),
    ])
    talk(address, 6379, 40002, [
        (command("SUBSCRIBE", "news:1"), b":1\r\n"), (command("PSUBSCRIBE", "n*"), b":2\r\n"),
        (command("PING"), b"$0\r\n\r\n"), (command("UNSUBSCRIBE") + command("PUNSUBSCRIBE"), b":0\r\n"),
        (b"PING\r\n", b"+PONG\r\n"), (command("MONITOR"), ok), (command("QUIT"), ok)])


def memcached(address):
    talk(address, 11211, 40001, [
        (b"set k 0 0 5\r\nhello\r\n", b"STORED\r\n"), (b"get k nothing\r\n", b"END\r\n"),
        (b"add k 0 0 1\r\nx\r\n", b"NOT_STORED\r\n"), (b"incr k 1\r\n", b"\r\n"), (b"set n 0 0 1 noreply\r\n7\r\nincr n 5\r\n", b"12\r\n"),
        (b"gat 10 n\r\n", b"END\r\n"), (b"stats\r\n", b"END\r\n"), (b"version\r\n", b"\r\n"), (b"what\r\n", b"ERROR\r\n"),
        (b"mg k v q O1\r\nmg nothing v q O2\r\nmn\r\n", b"MN\r\n"), (b"ms m 2 T0\r\nhi\r\n", b"HD\r\n"), (b"mg m v\r\n", b"hi\r\n"),
        (b"delete k\r\n", b"DELETED\r\n"), (b"set big 0 0 3000\r\n" + b"b" * 3000 + b"\r\nget big\r\n", b"END\r\n")])

    def packet(op, key=b"", extras=b"", value=b"", opaque=0):
        return struct.pack(">BBHBBHIIQ", 0x80, op, len(key), len(extras), 0, 0, len(key) + len(extras) + len(value), opaque, 0) + extras + key + value

    talk(address, 11211, 40002, [
        (packet(1, b"b1", bytes(8), b"one", 1), 24), (packet(0, b"b1", opaque=2), 24 + 4 + 3), (packet(0, b"none", opaque=3), 24 + 9),
        (packet(9, b"b1", opaque=4) + packet(9, b"none", opaque=5) + packet(10, opaque=6), 24 + 4 + 3 + 24), (packet(7), 24)])
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("", 40003))
    s.sendto(b"\0\7\0\0\0\1\0\0get big b1\r\n", (address, 11211))
    s.settimeout(2)
    while not s.recv(65536).endswith(b"END\r\n"):
        pass


def amqp(address):
    import pika
    c = pika.BlockingConnection(pika.ConnectionParameters(address, credentials=pika.PlainCredentials("app", "secret"), heartbeat=1))
    ch = c.channel()
    ch.exchange_declare("orders", "topic")
    queue = ch.queue_declare("", exclusive=True).method.queue
    ch.queue_bind(queue, "orders", "new.#")
    ch.basic_publish("orders", "new.1", b"not confirmed")
    ch.confirm_delivery()
    properties = pika.BasicProperties(content_type="text/plain", message_id="m-1", correlation_id="c-1", headers={"x-request-id": "r-1", "n": 7})
    for i in range(3):
        ch.basic_publish("orders", f"new.{i}", b"x" * 3000, properties)
    try:
        ch.basic_publish("orders", "old.1", b"nobody wants it", mandatory=True)
    except pika.exceptions.UnroutableError:
        pass
    ch.basic_ack(ch.basic_get(queue)[0].delivery_tag)
    ch.basic_qos(prefetch_count=2)
    for n, (method, _, _) in enumerate(ch.consume(queue)):
        ch.basic_ack(method.delivery_tag)
        if n == 2:
            break
    ch.cancel()
    ch.basic_get(queue)
    c.sleep(2)
    try:
        ch.queue_declare("nothing", passive=True)
    except pika.exceptions.ChannelClosedByBroker:
        pass
    c.close()
    try:
        pika.BlockingConnection(pika.ConnectionParameters(address, credentials=pika.PlainCredentials("app", "wrong")))
    except pika.exceptions.AMQPConnectionError:
        pass


def mqtt(address):
    from paho.mqtt import client, properties, packettypes
    for version in (client.MQTTv31, client.MQTTv311, client.MQTTv5):
        c = client.Client(f"device-{version}", protocol=version)
        c.username_pw_set("app", "secret")
        c.will_set("last/will", "gone", 1)
        seen = []
        c.on_message = lambda *a: seen.append(a[2].topic)
        c.connect(address, 1883, 60)
        c.loop_start()
        while not c.is_connected():
            time.sleep(0.01)
        c.subscribe([("sensors/#", 2), ("rooms/+/light", 1)])
        time.sleep(0.2)
        p = None
        if version == client.MQTTv5:
            p = properties.Properties(packettypes.PacketTypes.PUBLISH)
            p.UserProperty = ("x-request-id", "r-5")
            p.CorrelationData = b"\1\2\3"
            p.ResponseTopic = "answers/1"
        for qos in range(3):
            c.publish(f"sensors/{qos}/temperature", "21.5" * (400 if qos == 2 else 1), qos, properties=p)
        c.publish("rooms/12/light", "on", 1, retain=True, properties=p)
        while len(seen) < 4:
            time.sleep(0.01)
        c.unsubscribe("sensors/#")
        time.sleep(0.2)
        c.disconnect()
        c.loop_stop()
    c = client.Client("thief", protocol=client.MQTTv5)
    c.username_pw_set("app", "wrong")
    c.connect(address, 1883)
    c.loop_start()
    time.sleep(0.3)
    c.loop_stop()


globals()[sys.argv[1]](sys.argv[2])

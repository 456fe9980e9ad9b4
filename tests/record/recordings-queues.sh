# SPDX-License-Identifier: Apache-2.0
# Caches and brokers, with clients that use much of their protocols (queues.py).

queue_client() { in_c /usr/bin/python3 "$here/queues.py" "$1" 10.2.0.2; }

r_redis_session()
{
	net_up
	redis_up
	record_start "$M" c0 'tcp port 6379'
	queue_client redis
	record_stop
	note "$(version_of redis-server): 40001 RESP3: a transaction with an error inside, two channels subscribed at once, a message to itself, a reply that was asked not to come, EVAL, SELECT, a value of 5,000 bytes, AUTH refused; 40002 RESP2: subscriptions and their end, PING in line, MONITOR, QUIT."
}

r_redis_cluster()
{
	net_up
	for port in 7001 7002; do
		mkdir -p "$work/$port"
		background in_s redis-server --bind 10.2.0.2 --port $port --protected-mode no --save '' --dir "$work/$port" --cluster-enabled yes
		wait_port "$S" $port
	done
	in_s redis-cli -h 10.2.0.2 -p 7001 CLUSTER ADDSLOTSRANGE 0 8191 >/dev/null
	in_s redis-cli -h 10.2.0.2 -p 7002 CLUSTER ADDSLOTSRANGE 8192 16383 >/dev/null
	in_s redis-cli -h 10.2.0.2 -p 7001 CLUSTER MEET 10.2.0.2 7002 >/dev/null
	sleep 4
	record_start "$M" c0 'tcp port 7001 or tcp port 7002'
	in_c redis-cli -c -h 10.2.0.2 -p 7001 SET foo 1 >/dev/null
	in_c redis-cli -h 10.2.0.2 -p 7001 MGET foo bar >/dev/null
	record_stop
	note "$(version_of redis-server): two nodes of a cluster; redis-cli -c sets a key of the other node (MOVED, then OK there); MGET over slots (CROSSSLOT)."
}

r_redis_replica()
{
	net_up
	redis_up
	in_s redis-cli -h 10.2.0.2 CONFIG SET repl-diskless-sync-delay 0 >/dev/null
	in_s redis-cli -h 10.2.0.2 SET before 1 >/dev/null
	record_start "$M" c0 'tcp port 6379'
	background in_c redis-server --bind 10.1.0.2 --port 6379 --protected-mode no --save '' --dir "$work" --replicaof 10.2.0.2 6379 \
		--dbfilename replica.rdb
	wait_port "$C" 6379
	sleep 2
	in_s redis-cli -h 10.2.0.2 SET user:1 after >/dev/null
	sleep 2
	record_stop
	note "$(version_of redis-server): a replica begins (PSYNC, a file until its mark), then SET as the master's command, the replica's acknowledgements every second."
}

r_memcached()
{
	net_up
	background in_s memcached -u nobody -l 10.2.0.2 -p 11211 -U 11211
	wait_port "$S" 11211
	record_start "$M" c0 'port 11211'
	queue_client memcached
	record_stop
	note "$(version_of memcached): 40001 text and meta commands (a quiet batch of three), 40002 binary (two GETQ ended by NOOP), 40003 a get by UDP answered in four datagrams."
}

r_amqp()
{
	net_up
	background in_s epmd -address 127.0.0.1
	printf 'listeners.tcp.1 = 10.2.0.2:5672\nloopback_users = none\ndefault_user = app\ndefault_pass = secret\n' >"$work/rabbitmq.conf"
	background in_s env HOME="$work" RABBITMQ_NODENAME=queue@localhost RABBITMQ_MNESIA_BASE="$work/mnesia" RABBITMQ_LOG_BASE="$work" \
		RABBITMQ_CONFIG_FILE="$work/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE=/dev/null RABBITMQ_PID_FILE="$work/rabbitmq.pid" \
		/usr/lib/rabbitmq/bin/rabbitmq-server
	wait_port "$S" 5672 180
	sleep 2
	record_start "$M" c0 'tcp port 5672'
	queue_client amqp
	record_stop
	note "python3-pika, $(version_of rabbitmq-server): a queue with a made-up name bound to a topic exchange; a publication without and four with confirmation, the last one returned (no route); get, consume, acknowledgements, get from an empty queue, heartbeats; queue.declare refused (404, the channel closed); a second connection refused (wrong password)."
}

r_mqtt()
{
	net_up
	in_s mosquitto_passwd -c -b "$work/users" app secret
	chmod 644 "$work/users"
	printf 'listener 1883 10.2.0.2\nallow_anonymous false\npassword_file %s\nuser root\n' "$work/users" >"$work/mosquitto.conf"
	background in_s mosquitto -c "$work/mosquitto.conf"
	wait_port "$S" 1883
	record_start "$M" c0 'tcp port 1883'
	queue_client mqtt
	record_stop
	note "python3-paho-mqtt, $(version_of mosquitto): a connection each of 3.1, 3.1.1 and 5: two topics subscribed, publications of QoS 0, 1, 2 and a retained one, all delivered back, one topic unsubscribed; version 5 with properties; then one refused (wrong password)."
}

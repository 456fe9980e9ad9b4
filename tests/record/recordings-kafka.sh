# SPDX-License-Identifier: Apache-2.0
# Apache Kafka's broker and tools, and kcat. The broker is not in Debian: KAFKA_3_9 and KAFKA_4_1 name folders with the jars
# of org.apache.kafka:kafka_2.13, org.apache.kafka:kafka-tools (3.9.1; 4.1.0) and org.slf4j:slf4j-reload4j, and what they need;
# KAFKA_PYTHON a Python that has kafka-python 2.0.2.

traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01

# kafka_up JARS LISTENER [PROPERTY...]
kafka_up()
{
	[ -d "${1-}" ] || { echo "record: no jars of Kafka, see recordings-kafka.sh" >&2; return 1; }
	jars=$1 listener=$2
	shift 2
	rm -rf "$work/kafka"
	cat >"$work/server.properties" <<-END
		process.roles=broker,controller
		node.id=1
		controller.quorum.voters=1@127.0.0.1:9093
		listeners=$listener://10.2.0.2:9092,CONTROLLER://127.0.0.1:9093
		listener.security.protocol.map=$listener:$listener,CONTROLLER:PLAINTEXT
		controller.listener.names=CONTROLLER
		inter.broker.listener.name=$listener
		log.dirs=$work/kafka
		auto.create.topics.enable=false
		offsets.topic.num.partitions=1
		offsets.topic.replication.factor=1
		transaction.state.log.num.partitions=1
		transaction.state.log.replication.factor=1
		transaction.state.log.min.isr=1
		share.coordinator.state.topic.num.partitions=1
		share.coordinator.state.topic.replication.factor=1
		share.coordinator.state.topic.min.isr=1
		group.initial.rebalance.delay.ms=0
		$(printf '%s\n' "$@")
	END
	kafka_java kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$work/server.properties" >/dev/null
	background in_s env -u JAVA_TOOL_OPTIONS java -Xmx512m -cp "$jars/*" kafka.Kafka "$work/server.properties"
	wait_port "$S" 9092
}

kafka_java() { java -Xmx256m -cp "$jars/*" "$@" 2>>"$work/background.log"; }
in_c_java() { ip netns exec "$C" java -Xmx256m -cp "$jars/*" "$@" >>"$work/background.log" 2>&1 || true; }
# kafka_tool CLASS ARGUMENT...: of org.apache.kafka.tools, from the client.
kafka_tool() { tool=$1; shift; in_c_java "org.apache.kafka.tools.$tool" --bootstrap-server 10.2.0.2:9092 "$@"; }
kafka_topics() { kafka_tool TopicCommand "$@"; }
kafka_kcat() { in_c timeout 10 kcat -b 10.2.0.2:9092 "$@" >>"$work/background.log" 2>&1 || true; }

r_kafka()
{
	net_up
	kafka_up "${KAFKA_3_9-}" PLAINTEXT || return 1
	record_start "$M" c0 'tcp port 9092'
	kafka_topics --create --topic orders --partitions 2
	kafka_topics --create --topic orders
	kafka_topics --describe --topic orders
	printf 'one\ntwo\nthree\n' | kafka_kcat -P -t orders -p 0 -H traceparent=$traceparent
	printf 'traceparent:%s\tk1\tfour\n' $traceparent |
		kafka_tool ConsoleProducer --topic orders --property parse.headers=true --property parse.key=true
	printf 'nobody reads the answer\n' | kafka_kcat -P -t orders -p 1 -X acks=0
	head -c 20000 /dev/zero | tr '\0' x | kafka_kcat -P -t orders -p 1 -D '\0' -z none
	kafka_kcat -C -t orders -p 0 -o beginning -e
	kafka_kcat -P -t nowhere </dev/null
	kafka_kcat -L -t nowhere
	kafka_tool consumer.ConsoleConsumer --topic orders --group billing --from-beginning --max-messages 4 --timeout-ms 9000
	kafka_tool consumer.group.ConsumerGroupCommand --describe --group billing
	kafka_tool consumer.group.ConsumerGroupCommand --delete --group nobody
	kafka_topics --delete --topic orders
	record_stop
	note "Kafka 3.9.1 (broker, tools) and kcat 1.7.1: topic created, created again (36 TOPIC_ALREADY_EXISTS), described; produced by kcat with a traceparent, by the console producer (\`k1\`), with acks=0, and 20,000 bytes; read by kcat, by group \`billing\`; Metadata of \`nowhere\` (3 UNKNOWN_TOPIC_OR_PARTITION); group described; \`nobody\` deleted (69 GROUP_ID_NOT_FOUND); topic deleted."
}

r_kafka_4()
{
	net_up
	kafka_up "${KAFKA_4_1-}" PLAINTEXT group.coordinator.rebalance.protocols=classic,consumer,share unstable.api.versions.enable=true || return 1
	in_c_java org.apache.kafka.tools.FeatureCommand --bootstrap-server 10.2.0.2:9092 upgrade --feature share.version=1
	record_start "$M" c0 'tcp port 9092'
	kafka_topics --create --topic orders --partitions 1
	printf 'traceparent:%s\tone\n' $traceparent | kafka_tool ConsoleProducer --topic orders --property parse.headers=true
	in_c_java org.apache.kafka.tools.ProducerPerformance --topic orders --num-records 3 --record-size 50 --throughput -1 \
		--transactional-id pay-1 --producer-props bootstrap.servers=10.2.0.2:9092
	kafka_tool consumer.ConsoleConsumer --topic orders --group billing --from-beginning --max-messages 4 --timeout-ms 9000 \
		--consumer-property group.protocol=consumer
	kafka_tool consumer.ConsoleShareConsumer --topic orders --group sharers --timeout-ms 3000
	kafka_tool consumer.group.ConsumerGroupCommand --describe --group billing
	kafka_tool consumer.ConsoleConsumer --topic nowhere --group billing --timeout-ms 1500
	record_stop
	note "Kafka 4.1.0 (broker, tools): topic created; console producer with a traceparent; three records in a transaction \`pay-1\`; read by group \`billing\` (the new consumer protocol), by share group \`sharers\`; group described; \`nowhere\` does not exist. Topics of Produce and Fetch have ids, not names."
}

r_kafka_sasl()
{
	net_up
	login='org.apache.kafka.common.security.plain.PlainLoginModule required'
	kafka_up "${KAFKA_3_9-}" SASL_PLAINTEXT sasl.enabled.mechanisms=PLAIN sasl.mechanism.inter.broker.protocol=PLAIN \
		connection.failed.authentication.delay.ms=0 \
		"listener.name.sasl_plaintext.plain.sasl.jaas.config=$login username=\"app\" password=\"secret1\" user_app=\"secret1\";" || return 1
	record_start "$M" c0 'tcp port 9092'
	sasl='-X security.protocol=SASL_PLAINTEXT -X sasl.mechanisms=PLAIN -X sasl.username=app'
	kafka_kcat -L $sasl -X sasl.password=secret1
	kafka_kcat -L $sasl -X sasl.password=wrong2
	[ ! -x "${KAFKA_PYTHON-}" ] || in_c timeout 20 "$KAFKA_PYTHON" - >>"$work/background.log" 2>&1 <<-'END' || true
		import kafka
		client = kafka.KafkaConsumer(bootstrap_servers="10.2.0.2:9092", api_version=(0, 10), client_id="old",
		                             security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN",
		                             sasl_plain_username="app", sasl_plain_password="secret1")
		client.topics()
		client.close()
	END
	record_stop
	note "Kafka 3.9.1 and kcat 1.7.1 over SASL PLAIN: metadata asked for; a wrong password (58 SASL_AUTHENTICATION_FAILED, again and again); kafka-python 2.0.2 as a client of 0.10, whose tokens have no header."
}

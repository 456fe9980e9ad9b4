# SPDX-License-Identifier: Apache-2.0
# MongoDB's wire protocol, as FerretDB speaks it: FERRETDB names its program (1.24.0, with SQLite), PYMONGO a Python that has
# pymongo (4.20). Neither is in Debian.

# ferretdb_up ADDRESS
ferretdb_up()
{
	[ -x "${FERRETDB-}" ] && [ -x "${PYMONGO-}" ] || { echo "record: no FerretDB or pymongo, see recordings-mongodb.sh" >&2; return 1; }
	net_up
	mkdir "$work/ferretdb"
	background in_s "$FERRETDB" --handler=sqlite --sqlite-url="file:$work/ferretdb/" --state-dir="$work/ferretdb" \
		--telemetry=disable --debug-addr=- --listen-addr="$1:27017"
	wait_port "$S" 27017
}

r_mongodb()
{
	ferretdb_up 10.2.0.2 || return 1
	cat >"$work/client.py" <<-'END'
		import pymongo
		from pymongo import MongoClient, WriteConcern

		def refused(what):
		    try:
		        what()
		    except pymongo.errors.PyMongoError:
		        pass

		client = MongoClient("mongodb://10.2.0.2/", directConnection=True, serverMonitoringMode="poll", appname="shop")
		shop = client.shop
		shop.users.insert_many([{"_id": n, "name": f"name{n}", "age": 20 + n} for n in range(8)])
		trace = "traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'"
		list(shop.users.find({"age": {"$gt": 21}, "name": {"$in": ["name2", "name3"]}}, comment=trace))
		list(shop.users.find({}, batch_size=3))
		shop.users.find_one({"_id": 5})
		shop.users.update_one({"_id": 1}, {"$set": {"age": 40}})
		shop.users.delete_many({"age": {"$lt": 21}})
		shop.users.count_documents({"age": {"$gte": 22}})
		shop.users.distinct("age")
		shop.users.find_one_and_update({"_id": 2}, {"$inc": {"age": 1}})
		refused(lambda: shop.users.insert_one({"_id": 3}))
		refused(lambda: shop.command("nosuchcommand"))
		refused(lambda: list(shop.users.find({"$nosuch": 1})))
		shop.large.insert_one({"_id": 1, "text": "x" * 20000})
		shop.large.find_one()
		shop.drop_collection("large")
		shop.get_collection("users", write_concern=WriteConcern(w=0)).insert_one({"_id": 100})
		client.close()
	END
	record_start "$M" c0 'tcp port 27017'
	in_c timeout 60 "$PYMONGO" "$work/client.py" >>"$work/background.log" 2>&1 || cat "$work/background.log"
	record_stop
	note "FerretDB 1.24.0 and pymongo 4.20: hello, eight documents inserted, find with a traceparent as its comment, find in batches of three (getMore), update, delete, aggregate, distinct, findAndModify; refused: a duplicate key (11000), a command that is none (59), an operator that is none (2); a document of 20,000 bytes in and out; a collection dropped; last an insertion that asks for no answer, and gets one (FerretDB's own way)."
}

# PYMONGO has zstandard, too. FerretDB does not compress: a proxy before it does.
r_mongodb_zstd()
{
	ferretdb_up 127.0.0.1 || return 1
	background in_s "$PYMONGO" "$here/zstd_proxy.py" mongodb 10.2.0.2 27017 127.0.0.1 27017
	sleep 1
	cat >"$work/client.py" <<-'END'
		import random, pymongo
		from pymongo import MongoClient

		def refused(what):
		    try:
		        what()
		    except pymongo.errors.PyMongoError:
		        pass

		random.seed(1)
		client = MongoClient("mongodb://10.2.0.2/", directConnection=True, serverMonitoringMode="poll", appname="shop",
		                     compressors="zstd")
		shop = client.shop
		shop.users.insert_many([{"_id": n, "name": f"name{n}", "age": 20 + n % 50} for n in range(400)])
		list(shop.users.find({"_id": {"$lt": 8}}))
		list(shop.users.find({}, batch_size=250))
		shop.users.update_many({"age": {"$gt": 60}}, {"$set": {"old": True}})
		shop.users.count_documents({"old": True})
		refused(lambda: shop.users.insert_one({"_id": 3}))
		refused(lambda: shop.command("nosuchcommand"))
		shop.large.insert_one({"_id": 1, "text": "".join(random.choice("0123456789abcdef") for _ in range(36000))})
		shop.large.find_one()
		shop.users.delete_many({})
		client.close()
	END
	record_start "$M" c0 'tcp port 27017'
	in_c timeout 60 "$PYMONGO" "$work/client.py" >>"$work/background.log" 2>&1 || cat "$work/background.log"
	record_stop
	note "FerretDB 1.24.0 behind a proxy that compresses, and pymongo 4.15 with zstd: 400 documents inserted at once, eight found, all found in batches of 250, update, aggregate; refused: a duplicate key (11000), a command that is none (59); a document of 36,000 hexadecimal digits in and out (its block is larger than what is carried), all deleted."
}

# SPDX-License-Identifier: Apache-2.0
# Databases, as various clients talk to them. Besides what the others need: libdbd-mariadb-perl, python3-pymysql,
# python3-psycopg, postgresql, postgresql-contrib's programs (in /usr/lib/postgresql).

r_mariadb_prepared()
{
	net_up
	mariadb_up
	record_start "$M" c0 'tcp port 3306'
	in_c perl - <<-'END'
		use DBI;
		my $db = DBI->connect("DBI:MariaDB:database=shop;host=10.2.0.2;mariadb_ssl=0", "app", "app",
			{RaiseError => 1, PrintError => 0, mariadb_server_prepare => 1});
		$db->do("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20), v DOUBLE)");
		my $put = $db->prepare("INSERT INTO t VALUES (?, ?, ?)");
		$put->execute($_, "name $_", $_ / 3) for 1 .. 5;
		my $get = $db->prepare("SELECT * FROM t WHERE id >= ? AND name LIKE ?");
		for my $from (1, 4) { $get->execute($from, "name%"); 1 while $get->fetch; }
		eval { $put->execute(1, "again", 0) };
		eval { $db->prepare("SELECT nothing FROM t") };
		$put->finish; undef $put;
		$db->ping;
	END
	record_stop
	note "perl DBD::MariaDB with prepares on the server, $(version_of mariadb-server): INSERT prepared once and executed five times, SELECT twice (5 rows, 2 rows), a duplicate key (1062), a statement that cannot be prepared (1054), statements closed, ping."
}

r_mariadb_multi()
{
	net_up
	mariadb_up
	seq 1 50 | sed 's/$/,line/' >"$work/lines.csv"
	record_start "$M" c0 'tcp port 3306'
	in_c /usr/bin/python3 - "$work/lines.csv" <<-'END'
		import sys, pymysql
		from pymysql.constants import CLIENT
		db = pymysql.connect(host="10.2.0.2", user="app", password="app", database="shop", local_infile=True,
		                     client_flag=CLIENT.MULTI_STATEMENTS, autocommit=True)
		c = db.cursor()
		def run(*a):
		    try:
		        c.execute(*a)
		        while c.nextset(): pass
		    except pymysql.MySQLError: pass
		run("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20)); INSERT INTO t VALUES (1,'a'),(2,'b'); SELECT * FROM t; SELECT 1 FROM t WHERE id = 7")
		run("CREATE PROCEDURE p(n INT) BEGIN SELECT * FROM t WHERE id = n; SELECT COUNT(*) FROM t; END")
		run("CALL p(2)")
		run(f"LOAD DATA LOCAL INFILE '{sys.argv[1]}' IGNORE INTO TABLE t FIELDS TERMINATED BY ','")
		run("LOAD DATA LOCAL INFILE '/nowhere' INTO TABLE t")
		run("INSERT INTO t VALUES (1, 'secret')")
		run("SELEC 'secret'")
		run("SELECT 1; SELECT * FROM nowhere; SELECT 2")
		run("/*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/ SELECT name FROM t WHERE id IN (1,2,3)")
		run("USE information_schema")
		run("SELECT COUNT(*) FROM tables WHERE table_name = 't'")
		db.select_db("shop")
		db.ping()
		run("CREATE USER 'x'@'%' IDENTIFIED BY 'hunter2'")
		db.close()
	END
	record_stop
	note "pymysql, $(version_of mariadb-server): several statements at once with several results, a procedure with two, LOAD DATA LOCAL of 50 lines and of a file that is not there, duplicate key (1062), syntax error (1064), an error amid several results (1146), a trace context in a comment, USE and INIT_DB, ping, a password (refused: 1227)."
}

r_mariadb_compressed()
{
	net_up
	mariadb_up
	record_start "$M" c0 'tcp port 3306'
	sql --compress -e "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(100)); INSERT INTO t SELECT seq, REPEAT('x', 90) FROM seq_1_to_1000; SELECT * FROM t; SELECT name FROM t WHERE id = 5; SELECT * FROM nowhere" >/dev/null 2>&1 || true
	record_stop
	note "mariadb client with --compress, $(version_of mariadb-server): CREATE, INSERT of 1,000 rows, SELECT of them (several compressed packets), SELECT of one, an error (1146)."
}

# Statements and rows of more than 16 MB, which takes two packets each; what stands in them compresses well.
large_statements()
{
	echo "SELECT LENGTH(REPEAT('x', 20000000)) AS n;"
	echo "SELECT REPEAT('yes ', 4500000) AS row_of_18_mb;"
	echo "SELECT 1 AS one;"
	printf "SELECT LENGTH('%s') AS sent;\n" "$(head -c 17500000 /dev/zero | tr '\0' z)"
	echo "SELECT REPEAT('a', 100000) AS a UNION ALL SELECT REPEAT('b', 70000) UNION ALL SELECT 'c';"
	echo "SELECT * FROM nowhere;"
}

r_mariadb_compressed_large()
{
	net_up
	mariadb_up 10.2.0.2 --max-allowed-packet=64M
	seq 1 4000 | sed 's/$/,a line of a file/' >"$work/lines.csv"
	{
		large_statements
		echo "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(40));"
		echo "LOAD DATA LOCAL INFILE '$work/lines.csv' INTO TABLE t FIELDS TERMINATED BY ',';"
		echo "SELECT COUNT(*) FROM t;"
	} >"$work/large.sql"
	record_start "$M" c0 'tcp port 3306'
	sql --compress --force --local-infile=1 --max-allowed-packet=64M <"$work/large.sql" >/dev/null 2>&1 || true
	record_stop
	note "mariadb client with --compress, $(version_of mariadb-server): a row of 18 MB, a statement of 17.5 MB (two packets each, inside compressed ones of up to 16 MB), three rows of 100 kB, 70 kB and 1 byte in one compressed packet, an error (1146), a table of 4,000 lines of a file, and how many they are."
}

# MySQL's own client, as mysql-connector-python (8.4.0, from PyPI) brings it along: MYSQL_PYTHON names a Python that has it, and
# zstandard. MySQL's server is not to be had: MariaDB plays it, behind zstd_proxy.py.
r_mysql_zstd()
{
	[ -x "${MYSQL_PYTHON-}" ] || { echo "record: no MySQL client, see recordings-sql.sh" >&2; return 1; }
	net_up
	mariadb_up 127.0.0.1 --max-allowed-packet=64M
	background in_s "$MYSQL_PYTHON" "$here/zstd_proxy.py" mysql 10.2.0.2 3306 127.0.0.1 3306
	sleep 1
	{
		echo "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(100), price DOUBLE);"
		echo "INSERT INTO t VALUES $(seq 2000 | sed "s/.*/(&, 'a name of & of 2000', &.25)/" | paste -sd,);"
		echo "SELECT * FROM t;"
		echo "SELECT name FROM t WHERE id = 5;"
		large_statements
		echo "SELECT name FROM t WHERE name = '$(openssl rand -hex 18000)';"
		echo "DROP TABLE t;"
	} >"$work/statements.sql"
	record_start "$M" c0 'tcp port 3306'
	in_c "$MYSQL_PYTHON" - "$work/statements.sql" <<-'END'
		import ctypes, importlib.util, sys
		lib = ctypes.CDLL(importlib.util.find_spec("_mysql_connector").origin)
		for name in ("init", "store_result", "error", "real_connect"):
		    getattr(lib, "mysql_" + name).restype = ctypes.c_void_p
		MAX_ALLOWED_PACKET, COMPRESSION_ALGORITHMS = 32, 41
		db = ctypes.c_void_p(lib.mysql_init(None))
		lib.mysql_options(db, COMPRESSION_ALGORITHMS, b"zstd")
		lib.mysql_options(db, MAX_ALLOWED_PACKET, ctypes.byref(ctypes.c_ulong(1 << 26)))
		if not lib.mysql_real_connect(db, b"10.2.0.2", b"app", b"app", b"shop", 3306, None, ctypes.c_ulong(0)):
		    sys.exit(ctypes.string_at(lib.mysql_error(db)))
		for line in open(sys.argv[1], "rb"):
		    statement = line.strip().rstrip(b";")
		    if lib.mysql_real_query(db, statement, ctypes.c_ulong(len(statement))) == 0:
		        lib.mysql_free_result(ctypes.c_void_p(lib.mysql_store_result(db)))
		lib.mysql_close(db)
	END
	record_stop
	note "libmysqlclient 8.4.0 with Zstandard, $(version_of mariadb-server) behind a proxy that compresses as MySQL does: CREATE, INSERT of 2,000 rows in one statement, SELECT of them and of one, a row of 18 MB, a statement of 17.5 MB, three rows of 100 kB, 70 kB and 1 byte, an error (1146), a statement of 36 kB that does not compress well (its block is larger than what is carried), DROP."
}

r_mariadb_tls()
{
	net_up
	certificate "$work/key.pem" "$work/cert.pem"
	mariadb_up 10.2.0.2 --ssl-cert="$work/cert.pem" --ssl-key="$work/key.pem"
	record_start "$M" c0 'tcp port 3306'
	in_c mariadb --no-defaults -h 10.2.0.2 -uapp -papp --ssl shop -e 'SELECT 1' >/dev/null
	record_stop
	note "mariadb client, $(version_of mariadb-server): asks for TLS after the greeting."
}

# certificate KEY CERTIFICATE
certificate()
{
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$1" -out "$2" -days 3650 -subj /CN=db.example.test 2>/dev/null
}

# pg_up: PostgreSQL with TLS, passwords by SCRAM.
pg_up()
{
	pgbin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
	rm -rf "$work/pg"
	mkdir -m 700 "$work/pg"
	chown postgres "$work/pg"
	as_pg() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
	printf 'app\n' >"$work/pgpass"
	chmod 644 "$work/pgpass"
	as_pg "$pgbin/initdb" -D "$work/pg" -U app --pwfile="$work/pgpass" -A scram-sha-256 --locale=C.UTF-8 >/dev/null
	certificate "$work/pg/server.key" "$work/pg/server.crt"
	chown postgres "$work/pg/server.key" "$work/pg/server.crt"
	chmod 600 "$work/pg/server.key"
	printf 'host all all all scram-sha-256\nhost replication all all scram-sha-256\n' >>"$work/pg/pg_hba.conf"
	background ip netns exec "$S" setpriv --reuid postgres --regid postgres --clear-groups "$pgbin/postgres" -D "$work/pg" \
		-c listen_addresses=10.2.0.2 -c unix_socket_directories= -c ssl=on -c fsync=off -c wal_level=logical -c max_wal_senders=4
	wait_port "$S" 5432
	sleep 1
	export PGPASSWORD=app PGHOST=10.2.0.2 PGUSER=app PGDATABASE=postgres PGSSLMODE=disable PGGSSENCMODE=disable
}

pg_version() { "$pgbin/postgres" -V | sed 's/.*) \([0-9.]*\).*/postgresql \1/'; }

pg() { in_c psql -X -q "$@" >/dev/null 2>&1 </dev/null || true; }

r_postgresql()
{
	net_up
	pg_up
	seq 1 30 | sed 's/$/,line/' >"$work/lines.csv"
	record_start "$M" c0 'tcp port 5432'
	pg -c 'CREATE TABLE t (id int PRIMARY KEY, name text)' -c "INSERT INTO t VALUES (1,'one'),(2,'two')" -c 'SELECT * FROM t WHERE id = 2' \
		-c "BEGIN; UPDATE t SET name = 'x'; DELETE FROM t WHERE id = 1; SELECT * FROM t; COMMIT" \
		-c 'DROP TABLE IF EXISTS nothing' -c 'SELECT * FROM nowhere' -c "INSERT INTO t VALUES (2,'again')" -c "SELECT 'secret'::int" -c "SELEC 'secret'" \
		-c "\\copy t FROM $work/lines.csv WITH (FORMAT csv)" -c "\\copy (SELECT * FROM generate_series(100, 150)) TO /dev/null" \
		-c 'COPY t FROM STDIN' -c "CREATE ROLE r PASSWORD 'hunter2'" \
		-c "/*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/ SELECT name FROM t WHERE id IN (1,2,3)" -c 'LISTEN news' -c "NOTIFY news, 'text'"
	pg -c 'SET statement_timeout = 100' -c 'SELECT pg_sleep(5)'
	in_c timeout -s INT 1 psql -X -q -c 'SELECT pg_sleep(5)' >/dev/null 2>&1 </dev/null || true
	PGPASSWORD=wrong pg -c 'SELECT 1'
	PGDATABASE=nowhere pg -c 'SELECT 1'
	record_stop
	note "psql, $(pg_version), a connection each: simple queries (rows, several statements at once, a notice, errors 42P01, 23505, 22P02, 42601, COPY both ways, a refused COPY, a password, a trace context in a comment, LISTEN and NOTIFY); statement_timeout (57014); a query that is cancelled; a wrong password; no such database."
}

r_postgresql_extended()
{
	net_up
	pg_up
	in_c pgbench -i -q -s 1 >/dev/null 2>&1
	record_start "$M" c0 'tcp port 5432'
	for mode in simple extended prepared; do
		in_c pgbench -n -S -M $mode -t 3 >/dev/null 2>&1
	done
	in_c pgbench -n -M prepared -t 2 >/dev/null 2>&1
	in_c /usr/bin/python3 - <<-'END'
		import psycopg
		with psycopg.connect("", autocommit=True) as db:
		    db.execute("CREATE TABLE t (id int PRIMARY KEY)")
		    db.execute("SELECT %s::int", [1], prepare=True)
		    with db.pipeline():
		        for i in range(5): db.execute("INSERT INTO t VALUES (%s)", [i])
		    try:
		        with db.pipeline():
		            for i in (10, 11, 1, 12, 13): db.execute("INSERT INTO t VALUES (%s)", [i])
		    except psycopg.Error: pass
		    try: db.execute("SELECT nothing FROM t WHERE id = %s", [1])
		    except psycopg.Error: pass
		    cur = db.cursor()
		    cur.execute("SELECT * FROM generate_series(1, %s)", [200])
		    with cur.copy("COPY t FROM STDIN") as copy:
		        for i in range(100, 120): copy.write_row([i])
	END
	record_stop
	note "$(pg_version): pgbench -S in modes simple, extended and prepared (3 transactions each), pgbench's own transaction prepared (2); psycopg: prepared, a pipeline of five INSERTs, one in which the third of five fails (23505; the rest is passed over), an error in Parse (42703), 200 rows, COPY."
}

r_postgresql_tls()
{
	net_up
	pg_up
	record_start "$M" c0 'tcp port 5432'
	PGSSLMODE=require pg -c 'SELECT 1'
	record_stop
	note "psql, $(pg_version): asks for TLS, and gets it."
}

r_postgresql_replication()
{
	net_up
	pg_up
	pg -c 'CREATE TABLE t (id int PRIMARY KEY, name text)'
	record_start "$M" c0 'tcp port 5432'
	in_c pg_recvlogical -d postgres --slot=s --create-slot -P test_decoding
	in_c timeout -s INT 2 pg_recvlogical -d postgres --slot=s --start -f /dev/null -s 1 >/dev/null 2>&1 &
	sleep 0.7
	pg -c "INSERT INTO t SELECT i, 'name ' || i FROM generate_series(1, 20) i"
	wait $! || true
	in_c pg_recvlogical -d postgres --slot=s --drop-slot
	record_stop
	note "pg_recvlogical, $(pg_version): a replication slot made, streamed from (CopyBoth) while psql inserts 20 rows, and dropped."
}

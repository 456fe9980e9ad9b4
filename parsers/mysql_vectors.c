/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/mysql_priv.h"

#ifdef SP_WITH_VECTORS
#define X10 "XXXXXXXXXX"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

const struct sp_vector sp_mysql_vectors[] = {
	{
		.name = "log-in, more proof asked for, another database",
		.step = {SP_S("J\0\0\0\12\70.0.36\0\7\0\0\0saltsalt\0)"
			      "\212\377\2\0\70\11\25\0\0\0\0\0\0\0\0\0\0moresaltmore\0mysql_native_password\0"),
			 SP_C("n\0\0\1\11\202\70\11\0\0\0\1\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0app\0\24"
			      "\61\62\63\64\65\66\67\70\71\60\61\62\63\64\65\66\67\70\71\60shop\0mysql_native_"
			      "password\0\31\4_pid\1\61\14program_name\4tool"),
			 SP_S(",\0\0\2\376caching_sha2_password\0saltsaltsaltsaltsalt\0"),
			 SP_C(" \0\0\3xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
			 SP_S("\2\0\0\4\1\3"
			      "\7\0\0\5\0\0\0\2\0\0\0"),
			 SP_C("\16\0\0\0\3\0\1USE `stock`"), SP_S("\7\0\0\1\0\0\0\2\0\0\0"), SP_C("\1\0\0\0\16"),
			 SP_S("\7\0\0\1\0\0\0\2\0\0\0"), SP_C("\1\0\0\0\1")},
		.want = "> request method=LOGIN host=shop endpoint=LOGIN bytes=114 db.user=app "
			"db.client.program=tool\n"
			"< response status=ok bytes=11 db.mysql.server_version=8.0.36\n"
			"> request method=USE host=shop resource=USE `stock` endpoint=USE `stock` bytes=18\n"
			"< response status=ok bytes=11\n"
			"> request method=PING host=stock endpoint=PING bytes=5\n"
			"< response status=ok bytes=11\n"
			"> oneway method=QUIT host=stock endpoint=QUIT bytes=5\n",
	},
	{
		.name = "log-in refused",
		.step = {SP_S("Y\0\0\0\12\65.5.5-10.11.6-"
			      "MariaDB\0\7\0\0\0saltsalt\0\10\202\377\2\0\70\11\25\0\0\0\0\0\0\0\0\0\0moresaltmore\0mys"
			      "ql_native_password\0"),
			 SP_C("i\0\0\1\0\202\70\11\0\0\0\1\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0eve\0\24\61"
			      "\62\63\64\65\66\67\70\71\60\61\62\63\64\65\66\67\70\71\60mysql_native_password\0\31\4_"
			      "pid\1\61\14program_name\4tool"),
			 SP_S("?\0\0\2\377\25\4#28000Access denied for user 'eve'@'h' (using password: YES)")},
		.want = "> request method=LOGIN endpoint=LOGIN bytes=109 db.system.name=mariadb db.user=eve "
			"db.client.program=tool\n"
			"< response code=1045 message=Access denied for user 'eve'@'h' (using password: YES) "
			"status=client_error bytes=67 db.mysql.sqlstate=28000 "
			"db.mysql.server_version=10.11.6-MariaDB\n",
	},
	{
		.name = "an error instead of a greeting",
		.step = {SP_S("\27\0\0\0\377\20\4Too many connections")},
		.want = "< oneway method=LOGIN endpoint=LOGIN code=1040 message=Too many connections "
			"status=server_error bytes=27\n",
	},
	{
		.name = "TLS",
		.step = {SP_S("J\0\0\0\12\70.0.36\0\7\0\0\0saltsalt\0)"
			      "\212\377\2\0\70\11\25\0\0\0\0\0\0\0\0\0\0moresaltmore\0mysql_native_password\0"),
			 SP_C(" \0\0\1\11\212\70\11\0\0\0\1\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			      "\26\3\1\0\5hello")},
		.want = "> switch tls\n",
	},
	{
		.name = "a client of before 4.1",
		.step = {SP_S("'\0\0\0\12\64.0.20\0\7\0\0\0saltsalt\0,\0\10\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
			 SP_C("\22\0\0\1\205\0\0\0\0old\0ABCDEFGH\0"), SP_S("\7\0\0\2\0\0\0\2\0\0\0")},
		.want = "> request method=LOGIN endpoint=LOGIN bytes=22 db.user=old\n"
			"< response status=ok bytes=11 db.mysql.server_version=4.0.20\n",
	},
	{
		.name = "rows",
		.step = {SP_C("C\0\0\0\3SELECT id, name FROM t WHERE id IN (1,2) AND name <> 'it''s \\'x\\''"),
			 SP_S("\1\0\0\1\2"
			      " \0\0\2\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "$\0\0\3\3def\4shop\1t\1t\4name\4name\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\4\376\0\0\2\0"
			      "\3\0\0\5\1\61\373"
			      "\4\0\0\6\1\62\1b"
			      "\5\0\0\7\376\1\0\2\0"),
			 SP_C("\11\0\0\0\3select 1"),
			 SP_S("\1\0\0\1\1"
			      " \0\0\2\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\2\0\0\3\1\61"
			      "\1\0\0\4\0"
			      "\7\0\0\5\376\0\0\2\0\0\0"),
			 SP_C("\11\0\0\0\3select 1"),
			 SP_S("\1\0\0\1\1"
			      " \0\0\2\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\3\376\0\0\2\0"
			      "\5\0\0\4\376\0\0\2\0"),
			 SP_C("\11\0\0\0\3select 1"),
			 SP_S("\1\0\0\1\1"
			      " \0\0\2\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\7\0\0\3\376\0\0\2\0\0\0")},
		.want = "> request method=SELECT resource=SELECT id, name FROM t WHERE id IN (?, ?) AND name <> ? "
			"endpoint=SELECT id, name FROM t WHERE id IN (?) AND name <> ? bytes=71 "
			"db.collection.name=t\n"
			"< response status=ok bytes=114 db.response.returned_rows=2 db.mysql.warnings=1\n"
			"> request method=SELECT resource=select ? endpoint=select ? bytes=13\n"
			"< response status=ok bytes=63 db.response.returned_rows=2\n"
			"> request method=SELECT resource=select ? endpoint=select ? bytes=13\n"
			"< response status=ok bytes=59 db.response.returned_rows=0\n"
			"> request method=SELECT resource=select ? endpoint=select ? bytes=13\n"
			"< response status=ok bytes=52 db.response.returned_rows=0\n",
	},
	{
		.name = "errors",
		.step = {SP_C("\37\0\0\0\3INSERT INTO t VALUES ('a@b.c')"),
			 SP_S("1\0\0\1\377&\4#23000Duplicate entry 'a@b.c' for key 't.mail'"),
			 SP_C("\12\0\0\0\3SELEC 'x'"),
			 SP_S("H\0\0\1\377(\4#42000You have an error in your SQL syntax near 'SELEC 'x'' at line 1"),
			 SP_C("\20\0\0\0\3SELECT * FROM t"),
			 SP_S("\1\0\0\1\1"
			      " \0\0\2\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\2\0\0\3\1\61"
			      "(\0\0\4\377%\5#70100Query execution was interrupted"),
			 SP_C("\23\0\0\0\3UPDATE t SET a = 1"), SP_S("\27\0\0\1\377\275\4#40001Deadlock found"),
			 SP_C("\26\0\0\0\3SELECT * FROM nowhere"),
			 SP_S("+\0\0\1\377z\4#42S02Table 'shop.nowhere' doesn't exist"),
			 SP_C("\20\0\0\0\3SELECT SLEEP(9)"),
			 SP_S("S\0\0\1\377\320\13#HY000Query execution was interrupted, maximum statement execution "
			      "time exceeded")},
		.want = "> request method=INSERT resource=INSERT INTO t VALUES (?) endpoint=INSERT INTO t VALUES (?) "
			"bytes=35 db.collection.name=t\n"
			"< response code=1062 message=Duplicate entry ? for key 't.mail' status=client_error bytes=53 "
			"db.mysql.sqlstate=23000\n"
			"> request method=SELEC resource=SELEC ? endpoint=SELEC ? bytes=14\n"
			"< response code=1064 message=You have an error in your SQL syntax near ? at line 1 "
			"status=client_error bytes=76 db.mysql.sqlstate=42000\n"
			"> request method=SELECT resource=SELECT * FROM t endpoint=SELECT * FROM t bytes=20 "
			"db.collection.name=t\n"
			"< response code=1317 message=Query execution was interrupted status=server_error bytes=91 "
			"db.mysql.sqlstate=70100 db.response.returned_rows=1\n"
			"> request method=UPDATE resource=UPDATE t SET a = ? endpoint=UPDATE t SET a = ? bytes=23 "
			"db.collection.name=t\n"
			"< response code=1213 message=Deadlock found status=server_error bytes=27 "
			"db.mysql.sqlstate=40001\n"
			"> request method=SELECT resource=SELECT * FROM nowhere endpoint=SELECT * FROM nowhere "
			"bytes=26 db.collection.name=nowhere\n"
			"< response code=1146 message=Table 'shop.nowhere' doesn't exist status=client_error bytes=47 "
			"db.mysql.sqlstate=42S02\n"
			"> request method=SELECT resource=SELECT SLEEP(?) endpoint=SELECT SLEEP(?) bytes=20\n"
			"< response code=3024 message=Query execution was interrupted, maximum statement execution "
			"time exceeded status=timeout bytes=87 db.mysql.sqlstate=HY000\n",
	},
	{
		.name = "prepared",
		.step = {SP_C(")\0\0\0\26SELECT a FROM t WHERE id = ? AND b = 'x'"),
			 SP_S("\14\0\0\1\0\5\0\0\0\1\0\1\0\0\0\0"
			      "\36\0\0\2\3def\4shop\1t\1t\1?\1?\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\3\376\0\0\2\0"
			      "\36\0\0\4\3def\4shop\1t\1t\1a\1a\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\5\376\0\0\2\0"),
			 SP_C("\22\0\0\0\27\5\0\0\0\0\1\0\0\0\0\1\3\0M\0\0\0"),
			 SP_S("\1\0\0\1\1"
			      "\36\0\0\2\3def\4shop\1t\1t\1a\1a\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\3\376\0\0\2\0"
			      "\4\0\0\4\0\0\1v"
			      "\5\0\0\5\376\0\0\2\0"),
			 SP_C("\15\0\0\0\30\5\0\0\0\0\0secret"
			      "\5\0\0\0\32\5\0\0\0"),
			 SP_S("\7\0\0\1\0\0\0\2\0\0\0"), SP_C("\14\0\0\0\27\5\0\0\0\1\1\0\0\0\0\0"),
			 SP_S("\1\0\0\1\1"
			      "\36\0\0\2\3def\4shop\1t\1t\1a\1a\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\3\376\0\0B\0"),
			 SP_C("\11\0\0\0\34\5\0\0\0\2\0\0\0"),
			 SP_S("\4\0\0\1\0\0\1v"
			      "\4\0\0\2\0\0\1w"
			      "\5\0\0\3\376\0\0\200\0"),
			 SP_C("\5\0\0\0\31\5\0\0\0"
			      "\12\0\0\0\27\5\0\0\0\0\1\0\0\0"),
			 SP_S("\7\0\0\1\0\3\0\2\0\0\0")},
		.want = "> request method=STMT_PREPARE resource=SELECT a FROM t WHERE id = ? AND b = ? endpoint=SELECT "
			"a FROM t WHERE id = ? AND b = ? bytes=45 db.collection.name=t\n"
			"< response status=ok bytes=102 db.mysql.statement_id=5\n"
			"> request method=SELECT resource=SELECT a FROM t WHERE id = ? AND b = ? endpoint=SELECT a "
			"FROM t WHERE id = ? AND b = ? bytes=22 db.mysql.statement_id=5 "
			"db.collection.name=t\n"
			"< response status=ok bytes=65 db.response.returned_rows=1\n"
			"> oneway method=STMT_SEND_LONG_DATA resource=SELECT a FROM t WHERE id = ? AND b = ? "
			"endpoint=SELECT a FROM t WHERE id = ? AND b = ? bytes=17 "
			"db.mysql.statement_id=5 db.collection.name=t\n"
			"> request method=STMT_RESET resource=SELECT a FROM t WHERE id = ? AND b = ? endpoint=SELECT a "
			"FROM t WHERE id = ? AND b = ? bytes=9 db.mysql.statement_id=5 "
			"db.collection.name=t\n"
			"< response status=ok bytes=11\n"
			"> request method=SELECT resource=SELECT a FROM t WHERE id = ? AND b = ? endpoint=SELECT a "
			"FROM t WHERE id = ? AND b = ? bytes=16 db.mysql.statement_id=5 "
			"db.collection.name=t\n"
			"< response status=ok bytes=48 db.response.returned_rows=0\n"
			"> request method=STMT_FETCH resource=SELECT a FROM t WHERE id = ? AND b = ? endpoint=SELECT a "
			"FROM t WHERE id = ? AND b = ? bytes=13 db.mysql.statement_id=5 "
			"db.collection.name=t\n"
			"< response status=ok bytes=25 db.response.returned_rows=2\n"
			"> oneway method=STMT_CLOSE resource=SELECT a FROM t WHERE id = ? AND b = ? endpoint=SELECT a "
			"FROM t WHERE id = ? AND b = ? bytes=9 db.mysql.statement_id=5 "
			"db.collection.name=t\n"
			"> request method=STMT_EXECUTE endpoint=STMT_EXECUTE bytes=14 "
			"db.mysql.statement_id=5\n"
			"< response status=ok bytes=11 db.mysql.affected_rows=3\n",
	},
	{
		.name = "prepared, nothing after the columns",
		.step = {SP_S("J\0\0\0\12\70.0.36\0\7\0\0\0saltsalt\0)"
			      "\212\377\2\0\70\11\25\0\0\0\0\0\0\0\0\0\0moresaltmore\0mysql_native_password\0"),
			 SP_C("n\0\0\1\11\202\70\11\0\0\0\1\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0app\0\24"
			      "\61\62\63\64\65\66\67\70\71\60\61\62\63\64\65\66\67\70\71\60shop\0mysql_native_"
			      "password\0\31\4_pid\1\61\14program_name\4tool"),
			 SP_S("\7\0\0\2\0\0\0\2\0\0\0"),
			 SP_C("\23\0\0\0\26UPDATE t SET a = ?"
			      "\12\0\0\0\27\377\377\377\377\0\1\0\0\0"),
			 SP_S("\14\0\0\1\0\11\0\0\0\0\0\1\0\0\0\0"
			      "\36\0\0\2\3def\4shop\1t\1t\1?\1?\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\7\0\0\1\0\1\0\2\0\0\0"),
			 SP_C("\11\0\0\0\26nonsense"), SP_S("*\0\0\1\377(\4#42000You have an error near 'nonsense'"),
			 SP_C("\11\0\0\0\372\11\0\0\0\200\0\3\0"), SP_S("\7\0\0\1\0\2\0\2\0\0\0")},
		.want = "> request method=LOGIN host=shop endpoint=LOGIN bytes=114 db.user=app "
			"db.client.program=tool\n"
			"< response status=ok bytes=11 db.mysql.server_version=8.0.36\n"
			"> request method=STMT_PREPARE host=shop resource=UPDATE t SET a = ? endpoint=UPDATE t SET a = "
			"? bytes=23 db.collection.name=t\n"
			"> request method=UPDATE host=shop resource=UPDATE t SET a = ? endpoint=UPDATE t SET a = ? "
			"bytes=14 db.collection.name=t\n"
			"< response status=ok bytes=50 db.mysql.statement_id=9\n"
			"< response status=ok bytes=11 db.mysql.affected_rows=1\n"
			"> request method=STMT_PREPARE host=shop resource=nonsense endpoint=nonsense bytes=13\n"
			"< response code=1064 message=You have an error near ? status=client_error bytes=46 "
			"db.mysql.sqlstate=42000\n"
			"> request method=UPDATE host=shop resource=UPDATE t SET a = ? endpoint=UPDATE t SET a = ? "
			"bytes=13 db.mysql.statement_id=9 db.collection.name=t\n"
			"< response status=ok bytes=11 db.mysql.affected_rows=2\n",
	},
	{
		.name = "several results",
		.step = {SP_C("\12\0\0\0\3CALL p(1)"),
			 SP_S("\1\0\0\1\1"
			      " \0\0\2\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\3\376\0\0\12\0"
			      "\2\0\0\4\1\61"
			      "\5\0\0\5\376\0\0\12\0"
			      "\7\0\0\6\0\4\0\12\0\0\0"
			      "\1\0\0\7\1"
			      " \0\0\10\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\11\376\0\0\12\0"
			      "\5\0\0\12\376\0\0\12\0"
			      "\7\0\0\13\0\1\0\2\0\2\0")},
		.want = "> request method=CALL resource=CALL p(?) endpoint=CALL p(?) bytes=14\n"
			"< response status=ok bytes=146 db.response.returned_rows=1 db.mysql.affected_rows=5 "
			"db.mysql.warnings=2 db.mysql.results=4\n",
	},
	{
		.name = "a file from the client",
		.step = {SP_C("-\0\0\0\3LOAD DATA LOCAL INFILE '/etc/x' INTO TABLE t"), SP_S("\7\0\0\1\373/etc/x"),
			 SP_C("\4\0\0\2\61,2\12"
			      "\7\0\0\3\3SELECT"
			      "\0\0\0\4"),
			 SP_S("\21\0\0\5\0\2\0\2\0\0\0Records: 2"), SP_C("\1\0\0\0\16"),
			 SP_S("\7\0\0\1\0\0\0\2\0\0\0")},
		.want = "> request method=LOAD resource=LOAD DATA LOCAL INFILE ? INTO TABLE t endpoint=LOAD DATA LOCAL "
			"INFILE ? INTO TABLE t bytes=49 db.collection.name=t\n"
			"< response status=ok bytes=32 db.mysql.affected_rows=2\n"
			"> request method=PING endpoint=PING bytes=5\n"
			"< response status=ok bytes=11\n",
	},
	{
		.name = "other commands",
		.step = {SP_C("\4\0\0\0\4t\0%"),
			 SP_S(" \0\0\1\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      " \0\0\2\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\3\376\0\0\2\0"),
			 SP_C("\1\0\0\0\11"), SP_S("\25\0\0\1Uptime: 5  Threads: 1"), SP_C("\5\0\0\0\2shop"),
			 SP_S("\7\0\0\1\0\0\0\2\0\0\0"), SP_C("\10\0\0\0\2nowhere"),
			 SP_S("#\0\0\1\377\31\4#42000Unknown database 'nowhere'"),
			 SP_C("8\0\0\0\21eve\0\24\61\62\63\64\65\66\67\70\71\60\61\62\63\64\65\66\67\70\71\60stock\0!"
			      "\0mysql_native_password\0"),
			 SP_S("\34\0\0\1\376mysql_native_password\0salt\0"), SP_C("\24\0\0\2zzzzzzzzzzzzzzzzzzzz"),
			 SP_S("\7\0\0\3\0\0\0\2\0\0\0"), SP_C("\5\0\0\0\14\7\0\0\0"),
			 SP_S("\35\0\0\1\377F\4#HY000Unknown thread id: 7"), SP_C("\3\0\0\0\33\0\0"),
			 SP_S("\5\0\0\1\376\0\0\2\0")},
		.want = "> request method=FIELD_LIST resource=t endpoint=FIELD_LIST bytes=8\n"
			"< response status=ok bytes=81\n"
			"> request method=STATISTICS endpoint=STATISTICS bytes=5\n"
			"< response status=ok bytes=25\n"
			"> request method=INIT_DB host=shop resource=shop endpoint=INIT_DB bytes=9\n"
			"< response status=ok bytes=11\n"
			"> request method=INIT_DB host=nowhere resource=nowhere endpoint=INIT_DB bytes=12\n"
			"< response code=1049 message=Unknown database 'nowhere' status=client_error bytes=39 "
			"db.mysql.sqlstate=42000\n"
			"> request method=CHANGE_USER host=stock endpoint=CHANGE_USER bytes=60 "
			"db.user=eve\n"
			"< response status=ok bytes=11\n"
			"> request method=PROCESS_KILL host=stock endpoint=PROCESS_KILL bytes=9\n"
			"< response code=1094 message=Unknown thread id: 7 status=server_error bytes=33 "
			"db.mysql.sqlstate=HY000\n"
			"> request method=SET_OPTION host=stock endpoint=SET_OPTION bytes=7\n"
			"< response status=ok bytes=9\n",
		.no_probe = true,
	},
	{
		.name = "a trace's context, in attributes and comments",
		.step = {SP_S("J\0\0\0\12\70.0.36\0\7\0\0\0saltsalt\0)"
			      "\212\377\2\0\70\11\25\0\0\0\0\0\0\0\0\0\0moresaltmore\0mysql_native_password\0"),
			 SP_C("n\0\0\1\11\202\70\11\0\0\0\1\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0app\0\24"
			      "\61\62\63\64\65\66\67\70\71\60\61\62\63\64\65\66\67\70\71\60shop\0mysql_native_"
			      "password\0\31\4_pid\1\61\14program_name\4tool"),
			 SP_S("\7\0\0\2\0\0\0\2\0\0\0"),
			 SP_C(".\0\0\0\3\3\1\4\1\3\0\1n\376\0\14X-Request-ID\6\0\1z\5\0\0\0\5abc-1SELECT 1"),
			 SP_S("\7\0\0\1\0\0\0\2\0\0\0"),
			 SP_C("2\0\0\0\3\0\1/* x-request-id='abc-2' */ SELECT 1 -- 'hidden'"),
			 SP_S("\7\0\0\1\0\0\0\2\0\0\0")},
		.want = "> request method=LOGIN host=shop endpoint=LOGIN bytes=114 db.user=app "
			"db.client.program=tool\n"
			"< response status=ok bytes=11 db.mysql.server_version=8.0.36\n"
			"> request method=SELECT host=shop resource=SELECT ? endpoint=SELECT ? "
			"x_request_id_request=abc-1 bytes=50\n"
			"< response status=ok bytes=11 db.mysql.affected_rows=0\n"
			"> request method=SELECT host=shop resource=SELECT ? endpoint=SELECT ? "
			"x_request_id_request=abc-2 bytes=54\n"
			"< response status=ok bytes=11 db.mysql.affected_rows=0\n",
	},
	{
		.name = "values shown, passwords not",
		.step = {SP_C("\23\0\0\0\3SELECT 'x' /* y */"), SP_S("\7\0\0\1\0\0\0\2\0\0\0"),
			 SP_C("&\0\0\0\3CREATE USER u IDENTIFIED BY 'hunter2'"),
			 SP_S("*\0\0\1\377(\4#42000You have an error near 'hunter2''"),
			 SP_C("\31\0\0\0\3INSERT INTO t VALUES (1)"),
			 SP_S(".\0\0\1\377&\4#23000Duplicate entry '1' for key 'PRIMARY'")},
		.want = "> request method=SELECT resource=SELECT 'x' /* y */ endpoint=SELECT ? bytes=23\n"
			"< response status=ok bytes=11 db.mysql.affected_rows=0\n"
			"> request method=CREATE resource=CREATE USER u IDENTIFIED BY ? endpoint=CREATE USER u "
			"IDENTIFIED BY ? bytes=42\n"
			"< response code=1064 message=You have an error near ? status=client_error bytes=46 "
			"db.mysql.sqlstate=42000\n"
			"> request method=INSERT resource=INSERT INTO t VALUES (1) endpoint=INSERT INTO t VALUES (?) "
			"bytes=29 db.collection.name=t\n"
			"< response code=1062 message=Duplicate entry '1' for key 'PRIMARY' status=client_error "
			"bytes=50 db.mysql.sqlstate=23000\n",
		.reveal = true,
	},
	{
		.name = "joined in the middle",
		.step = {SP_S("\1\0\0\1\1"
			      " \0\0\2\3def\4shop\1t\1t\2id\2id\14?\0\13\0\0\0\3\0\0\0\0\0"
			      "\5\0\0\3\376\0\0\2\0"
			      "\2\0\0\4\1\61"
			      "\5\0\0\5\376\0\0\2\0"),
			 SP_S("\5\0\0\5stray"
			      "\5\0\0\6\376\0\0\2\0"),
			 SP_C("\1\0\0\0\16"), SP_S("\7\0\0\1\0\0\0\2\0\0\0")},
		.want = "< response status=ok bytes=65 db.response.returned_rows=1\n"
			"> request method=PING endpoint=PING bytes=5\n"
			"< response status=ok bytes=11\n",
	},
	{
		.name = "the server says which database",
		.step = {SP_S("J\0\0\0\12\70.0."
			      "36\0\7\0\0\0saltsalt\0\11\202\377\2\0\270\11\25\0\0\0\0\0\0\0\0\0\0moresaltmore\0mysql_"
			      "native_password\0"),
			 SP_C("n\0\0\1\11\202\270\11\0\0\0\1\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0app\0\24"
			      "\61\62\63\64\65\66\67\70\71\60\61\62\63\64\65\66\67\70\71\60shop\0mysql_native_"
			      "password\0\31\4_pid\1\61\14program_name\4tool"),
			 SP_S("\7\0\0\2\0\0\0\2\0\0\0"), SP_C("\22\0\0\0\3\0\1CALL switches()"),
			 SP_S("!\0\0\1\0\0\0\2@\0\0\0\30\0\16\12autocommit\2ON\1\6\5third"),
			 SP_C("\14\0\0\0\3\0\1use other"), SP_S("\21\0\0\1\0\0\0\2@\0\0\0\10\1\6\5other"),
			 SP_C("\1\0\0\0\16"), SP_S("\7\0\0\1\0\0\0\2\0\0\0")},
		.want = "> request method=LOGIN host=shop endpoint=LOGIN bytes=114 db.user=app "
			"db.client.program=tool\n"
			"< response status=ok bytes=11 db.mysql.server_version=8.0.36\n"
			"> request method=CALL host=shop resource=CALL switches() endpoint=CALL switches() bytes=22\n"
			"< response status=ok bytes=37 db.mysql.affected_rows=0\n"
			"> request method=USE host=third resource=use other endpoint=use other bytes=16\n"
			"< response status=ok bytes=21\n"
			"> request method=PING host=other endpoint=PING bytes=5\n"
			"< response status=ok bytes=11\n",
	},
	{
		.name = "a replica",
		.step = {SP_C("\22\0\0\0\25\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), SP_S("\7\0\0\1\0\0\0\2\0\0\0"),
			 SP_C("\20\0\0\0\22\4\0\0\0\0\0\1\0\0\0bin.1"),
			 SP_S("\37\0\0\1\0eeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
			      "\24\0\0\2\0fffffffffffffffffff"),
			 SP_S("\5\0\0\3\376\0\0\2\0")},
		.want = "> request method=REGISTER_SLAVE endpoint=REGISTER_SLAVE bytes=22\n"
			"< response status=ok bytes=11\n"
			"> request method=BINLOG_DUMP endpoint=BINLOG_DUMP bytes=20\n"
			"< response status=ok bytes=68\n",
		.no_probe = true,
	},
	{
		.name = "what is no command",
		.step = {SP_C("\4\0\0\0\231abc")},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "empty packets, a count of columns that is none",
		.step = {SP_C("\0\0\0\0"
			      "\11\0\0\0\3select 1"),
			 SP_S("\0\0\0\1"
			      "\2\0\0\1\374\377"
			      "\2\0\0\1\0\1"
			      "\1\0\0\1\377")},
		.want = "> request method=SELECT resource=select ? endpoint=select ? bytes=13\n"
			"< response status=server_error bytes=5\n",
		.no_probe = true,
	},
	{
		.name = "compressed",
		.step = {SP_S("J\0\0\0\12\70.0.36\0\7\0\0\0saltsalt\0)"
			      "\202\377\2\0\70\11\25\0\0\0\0\0\0\0\0\0\0moresaltmore\0mysql_native_password\0"),
			 SP_C("U\0\0\1)"
			      "\202\70\11\0\0\0\1\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0app\0\24\61\62\63\64"
			      "\65\66\67\70\71\60\61\62\63\64\65\66\67\70\71\60shop\0mysql_native_password\0\0"),
			 SP_S("\7\0\0\2\0\0\0\2\0\0\0"),
			 SP_C("1\0\0\0)\0\0x\234Se```f`\14v\365qu\16QHTp\13\362\367U(Q\10\367p\15rUHR\260UP/"
			      "NM.J-Q\7\0\250\250\11\301"),
			 SP_S("\36\0\0\1\0\0\0\1\0\0\1\1 \0\0\2\3def\4shop\1t\1t\2id\2id\14?"
			      "6\0\0\2P\0\0x\234\35\306\307\11\0 "
			      "\0\3\300\200\35\227p\4\353\\\202\37\327\67\346^\207\14\300\340\363\214;"
			      "\373\226\312Y\255qN\353\234\327\6\27\264\311EmqI{\216\307\13\375"
			      " \0\0\3\0\0\0\66\6\0\0\12\5row 7\6\0\0\13\5row 8\7\0\0\14\376\0\0\2\0\0\0"),
			 SP_C("\17\0\0\0\12\0\0x\234cd``\340c\4\21\0\0{\0\37"),
			 SP_S("\24\0\0\1\26\0\0x\234cg``d```\2bv\4\23\0\1>\0\25")},
		.want = "> request method=LOGIN host=shop endpoint=LOGIN bytes=89 db.user=app\n"
			"< response status=ok bytes=11 db.mysql.server_version=8.0.36\n"
			"> request method=SELECT host=shop resource=SELECT a FROM t WHERE b = ? endpoint=SELECT a FROM "
			"t WHERE b = ? bytes=56 db.collection.name=t\n"
			"< response status=ok bytes=137 db.response.returned_rows=9\n"
			"> request method=PING host=shop endpoint=PING bytes=1\n"
			"> request method=PING host=shop endpoint=PING bytes=21\n"
			"< response status=ok bytes=1\n"
			"< response status=ok bytes=26\n",
	},
	{
		.name = "compressed, and damaged",
		.step = {SP_S("J\0\0\0\12\70.0."
			      "36\0\7\0\0\0saltsalt\0\11\202\377\2\0\70\15\25\0\0\0\0\0\0\0\0\0\0moresaltmore\0mysql_"
			      "native_password\0"),
			 SP_C("U\0\0\1\11\202\70\15\0\0\0\1\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0app\0\24"
			      "\61\62\63\64\65\66\67\70\71\60\61\62\63\64\65\66\67\70\71\60shop\0mysql_native_"
			      "password\0\0"),
			 SP_S("\7\0\0\2\0\0\0\2\0\0\0"),
			 SP_C(")\0\0\0\0\0\0%\0\0\0\3\0\1SELECT a FROM t WHERE b = 'secret'"),
			 SP_S("\36\0\0\1\0\0\0\1\0\0\1\1 \0\0\2\3def\4shop\1t\1t\2id\2id\14?"
			      "\11\0\0\2P\0\0zstandard"),
			 SP_C("\5\0\0\0\0\0\0\1\0\0\0\16"), SP_S("\13\0\0\1\0\0\0\7\0\0\1\0\0\0\2\0\0\0")},
		.want = "> request method=LOGIN host=shop endpoint=LOGIN bytes=89 db.user=app\n"
			"< response status=ok bytes=11 db.mysql.server_version=8.0.36\n"
			"> request method=SELECT host=shop resource=SELECT a FROM t WHERE b = ? endpoint=SELECT a FROM "
			"t WHERE b = ? bytes=48 db.collection.name=t\n"
			"< response status=unknown bytes=53\n"
			"> request method=PING host=shop endpoint=PING bytes=12\n"
			"< response status=ok bytes=18\n",
	},
	{
		.name = "how far MariaDB is",
		.step = {SP_C("\24\0\0\0\3ALTER TABLE t FORCE"),
			 SP_S("\11\0\0\1\377\377\377\1\1\2\0\0\0"
			      "\11\0\0\2\377\377\377\1\1\2\0\0\0"),
			 SP_S("\7\0\0\3\0\0\0\2\0\0\0")},
		.want = "> request method=ALTER resource=ALTER TABLE t FORCE endpoint=ALTER TABLE t FORCE bytes=24 "
			"db.collection.name=t\n"
			"< response status=ok bytes=11 db.mysql.affected_rows=0\n",
	},
	{
		.name = "compressed, joined in the middle",
		.step = {SP_C("\15\0\0\0\0\0\0\11\0\0\0\3SELECT 5"),
			 SP_S("a\0\0\1\216\0\0x\234\35\316M\16@@\24\3\340\276a\306\357!\34\301?;\227\31\302\212 "
			      "q{"
			      "Q\257\351\342\333\265\2\210\24\200\11\374\274\204\327\272\37r\313m6\317\346\23\62\0\1"
			      "\376\70\302\236\373S\224T\250\252(\253\252)"
			      "\247j\250H\325R\261\252\243\22UO\245\252\201\312Tc\4\344/\37p\344\3=~\26\270")},
		.want = "> request method=SELECT resource=SELECT ? endpoint=SELECT ? bytes=20\n"
			"< response status=ok bytes=104 db.response.returned_rows=9\n",
	},
	{
		.name = "compressed: more rows than are kept, the end of a statement that is not",
		.step = {SP_C("3\0\0\0\215\23\0x\234\355\301\241\21\300 "
			      "\0\4\260\357\341\261\265\70\6\341p8\272@\327`\372N"
			      "Q\227\344JR\317\235\224=\327\34O\353/\0\0\0\0\360\207\17)vd\257"
			      "\22\0\0\1\366\3\0x\234KL\34\5\243`\24\214(\240\16\0\333`\200\14"),
			 SP_S("\13\0\0\1\0\0\0\7\0\0\1\0\0\0\2\0\0\0"
			      "\300\0\0\1\64$\0x\234\335\317I\22\301`\24E\341\367\222 "
			      "\10\"\372\66\21M\242_\2\213\11\305"
			      "\210*\31X\"\273\362\333\306\71u\7w\372\251\210j$b\331\331\345\352\274n\217\247\346\232["
			      "\367\314\314;\311YDl\371\367\65\347\363\206d0\16\11S a\212$L\211\204qI\230\62\11S!a\252$"
			      "L\215\204\251\223\60\36\11\323 a|\22\246I\302\4$L\213\204i\223\60\35\22\246K\302\364H"
			      "\230>\11\63 a\206$\314\210\204\31\223\60\23\22fJ\302\204$LD\302\314H\230\230\204\231\223"
			      "\60\13\22fI\302\254H\230\204\204II\230\65\11\263!a\266$"
			      "\314\216\204\331\223\60\7\22\346\10"
			      "\302\374\0\330\224\315\207"
			      "L\0\0\2\14\14\0x\234\335\317[\21\200 "
			      "\0\0\301\33\177\250\243\200\340\3\264\226\21\245\224c"
			      "\217\333\6\313\374>\22\3\26S&\232\62\311\224\311\246\314j\312\24S\246\232\62\233)"
			      "\263\233"
			      "\62\207)s\232\62\315\224\351\246\314\245\311\4\270?\230\200\37\377 \231\301")},
		.want = "> request method=PING endpoint=PING bytes=1\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? bytes=82\n"
			"< response status=ok bytes=18\n"
			"< response status=ok bytes=282 db.response.returned_rows=60\n",
		.no_probe = true,
	},
	{
		.name = "compressed by Zstandard, damaged, a bomb",
		.step = {SP_S("J\000\000\000\0128.0."
			      "36\000\007\000\000\000saltsalt\000\011\202\377\002\0008\015\025\000\000"
			      "\000\000\000\000\000\000\000\000moresaltmore\000mysql_native_password\000"),
			 SP_C("U\000\000\001\011\2028\015\000\000\000\001\377\000\000\000\000\000\000\000\000\000\000"
			      "\000"
			      "\000\000\000\000\000\000\000\000\000\000\000\000app\000\02412345678901234567890shop\000m"
			      "ys"
			      "ql_native_password\000\000"),
			 SP_S("\007\000\000\002\000\000\000\002\000\000\000"),
			 SP_C("Z\000\000\000g\000\000(\265/\375 g\215\002\000\324\003c\000\000\000\003\000\001SELECT "
			      "name"
			      ", price, FROM item WHERE = 'secret' OR = 12\006\000D\015\232\020 "
			      "f\320\262\032\345\347\265"
			      "\004n\216\001"),
			 SP_S("\334\000\000\001\274\002\000(\265/"
			      "\375`\274\001\225\006\000b\312#%\360\262\2501\324b\342 \345"
			      "O\303\342\2608TjU\210-\324zD0\0211\271\376\377/"
			      "B\026\211\364I\332N\001\015\217\341-<\205\227"
			      "\360\020\326\355\301\032l\301\022\354\300\012l\300\002lG\221\363\251\270\371T\324|*f>"
			      "\0251"
			      "\237\212\227OE\313\247b~\"~*R\237\024\323\204$Q\211\240@L\036$/"
			      "\262\020\215\036?4,2\234\205"
			      "9\007\347\201qP\320\343\320/"
			      "]1U\327S]O\326\262\266\201atD\326E\005=\357Z\373\026E\250!\324"
			      "\261\373\307\032\260\243\322\001\0200,\222\012\365\330\364\201-M\334\262\310'"
			      "\015F\003p\216"
			      "\177\336\354\343\206\336\034\363\274y\307\015\2729\3669\331\340H\020i\325\253\234\352"
			      "\322\020"
			      "E\2657T\001@\000\000\002d\000\000(\265/\375 d\275\001\0004\002\016row 35 of "
			      "many\017\000\000"
			      "'6(7)8*9\005\000\000+"
			      "\376\000\000\002\000\010\000\200\010\030\007\014\003C\20090\0300\242\015"
			      "3\014"),
			 SP_C("Z\000\000\000g\000\000(\265/\375 g\362\002\000\201\003c\000\000\000\003\000\001SELECT "
			      "name"
			      ", price, FROM item WHERE = 'secret' OR = 12\006\000D\015\232\020 "
			      "f\320\262\032\345\347\265"
			      "\004n\216\001"),
			 SP_S("\013\000\000\001\000\000\000\007\000\000\001\000\000\000\002\000\000\000"),
			 SP_C("\005\000\000\000\000\000\000\001\000\000\000\016"),
			 SP_S("\025\000\000\001\000$\364(\265/"
			      "\375\240\000$\364\000\002\000\020\000\002\000\020\000\002\000"
			      "\020\000"),
			 SP_C("\005\000\000\000\000\000\000\001\000\000\000\016"),
			 SP_S("\013\000\000\001\000\000\000\007\000\000\001\000\000\000\002\000\000\000")},
		.want = "> request method=LOGIN host=shop endpoint=LOGIN bytes=89 db.user=app\n"
			"< response status=ok bytes=11 db.mysql.server_version=8.0.36\n"
			"> request method=SELECT host=shop resource=SELECT name, price, name, price FROM item WHERE "
			"name = ? OR price = ? OR name = ? endpoint=SELECT name, price, name, price FROM item WHERE "
			"name = ? OR price = ? OR name = ? bytes=97 db.collection.name=item\n"
			"< response status=ok bytes=298 db.response.returned_rows=40\n"
			"< response status=ok bytes=18 db.mysql.affected_rows=0\n"
			"> request method=PING host=shop endpoint=PING bytes=12\n"
			"< response status=unknown bytes=28\n"
			"> request method=PING host=shop endpoint=PING bytes=12\n"
			"< response status=ok bytes=18\n",
	},
	{
		.name = "a file whose packets' numbers go round, and how far MariaDB is with it",
		.step = {SP_C("\50\0\0\0\3LOAD DATA LOCAL INFILE 'f' INTO TABLE t"), SP_S("\2\0\0\1\373f"),
			 SP_C("\4\0\0\377line\4\0\0\0line\0\0\0\1"),
			 SP_S("\11\0\0\2\377\377\377\1\1\2\0\0\0\7\0\0\3\0\2\0\2\0\0\0"), SP_C("\1\0\0\0\16"),
			 SP_S("\7\0\0\1\0\0\0\2\0\0\0")},
		.want = "> request method=LOAD resource=LOAD DATA LOCAL INFILE ? INTO TABLE t endpoint=LOAD DATA LOCAL "
			"INFILE ? INTO TABLE t bytes=44 db.collection.name=t\n"
			"< response status=ok bytes=30 db.mysql.affected_rows=2\n"
			"> request method=PING endpoint=PING bytes=5\n"
			"< response status=ok bytes=11\n",
	},
	{
		.name = "compressed: a length that is wrong, a large statement",
		.step = {SP_C("1\000\000\000G\000\000x\234sf```\016v\365qu\016Q\310K\314MUp\013\362\367U\310,"
			      "I\315U\010\367p\015r\205"
			      "\010\332*\250\203i\\\204:\000\304!\025x"),
			 SP_S("?\000\000\001w\001\000x\234cd``dT```bNIMc)\316\310/"
			      "`,a,a\312L\001\"\036{\006n\006\006\006f\006\020`\005"
			      "2X\022\223\222SF\031@\306\377\377\365\212U\024\000\000\001\307T\301"),
			 SP_C("\005\000\000\000\000\000\000\001\000\000\000\016"),
			 SP_S("\013\000\000\001\000\000\000\007\000\000\001\000\000\000\002\000\000\000"),
			 SP_C("'\000\000\000@\037\000(\265/\375`@\036\355\000\000\250\016}\000\000\003DO "
			      "LENGTH('12345\001\000Q\036"
			      "}a\002\027\000\000\001@\037\000(\265/"
			      "\375`@\036m\000\000(51234\001\0008\217\276h\001\027\000\000\002"
			      "@\037\000(\265/"
			      "\375`@\036m\000\000(51234\001\0008\217\276h\001\027\000\000\003@\037\000(\265/\375`@\036"
			      "m\000\000(51234\001\0008\217\276h\001\026\000\000\004\022\000\000(\265/\375 "
			      "\022m\000\000851234')\001"
			      "\0000\212\026"),
			 SP_S("\013\000\000\005\000\000\000\007\000\000\001\000\000\000\002\000\000\000")},
		.want = "> request method=SELECT resource=SELECT name FROM item WHERE name = ? endpoint=SELECT name "
			"FROM item WHERE name = ? bytes=56 db.collection.name=item\n"
			"> request method=PING endpoint=PING bytes=12\n"
			"< response status=unknown bytes=70\n"
			"< response status=ok bytes=18\n"
			"> request method=DO resource=DO LENGTH(? endpoint=DO LENGTH(? bytes=165\n"
			"< response status=ok bytes=18 db.mysql.affected_rows=0\n",
		.no_probe = true,
	},
	{
		.name = "compressed by Zstandard, blocks that are never there as a whole",
		.step = {SP_S("J\000\000\000\0128.0."
			      "36\000\007\000\000\000saltsalt\000\011\202\377\002\0008\015\025\000\000\000\000"
			      "\000\000\000\000\000\000moresaltmore\000mysql_native_password\000"),
			 SP_C("U\000\000\001\011\2028\015\000\000\000\001\377\000\000\000\000\000\000\000\000\000\000"
			      "\000\000\000\000"
			      "\000\000\000\000\000\000\000\000\000app\000\02412345678901234567890shop\000mysql_native_"
			      "password\000"
			      "\000"),
			 SP_S("\007\000\000\002\000\000\000\002\000\000\000"),
			 SP_C("\203F\000\000sF\000(\265/\375\240sF\000\000\2753\002<g\004oF\000\000\003\000\001SELECT "
			      "a FROM t WHERE b = '" X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000
				      X1000 X1000 X1000 X1000 X1000 X1000 X1000 "'\000"),
			 SP_S("\250B\000\001\230B\000(\265/"
			      "\375\240\230B\000\000\345\024\002\214)\004\001\000\000\001\001 \000\000\002"
			      "\003def\004shop\001t\001t\002id\002id\014?"
			      "\000\013\000\000\000\003\000\000\000\000\000kB\000\003\374"
			      "hB" X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000
				      X1000 X1000 X1000
			      "\000\011\000\000\002\000\000\000\005\000\000\004\376\000\000\002\000"),
			 SP_C("WE\000\000sF\000(\265/\375\240sF\000\000\2753\002<g\004oF\000\000\003\000\001SELECT a "
			      "FROM t WHERE b"
			      " = '" X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000
				      X1000 X1000 X1000 "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
			      "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
			      "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
			      "XXXXXXXXXXXX"
			      "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
			      "XXXXXXXXXXXX"
			      "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
			      "XXXXXXXXXXXX"
			      "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
			      "XXXXXXXXXXXX"
			      "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
			      "XXXXXXXXXXXX"
			      "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"
			      "XXXXXXXXXXXX"
			      "XX"),
			 SP_S("\013\000\000\001\000\000\000\007\000\000\001\000\000\000\002\000\000\000"),
			 SP_C("\026\000\000\000\000\000\000\022\000\000\000\003\000\001SELECT a FROM t"),
			 SP_S("\240F\000\001\220F\000(\265/\375\240\220F\000\000\2454\002\014i\004\001\000\000\001\001 "
			      "\000\000\002"
			      "\003def\004shop\001t\001t\002id\002id\014?\000\013\000\000\000\003\000\000\000\000\000+#"
			      "\000\003\374"
			      "(#" X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000
			      "+#\000\004\374(#" X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000 X1000
			      "\005\000\000\005\376\000\000\002\000\000"),
			 SP_C("\005\000\000\000\000\000\000\001\000\000\000\016"),
			 SP_S("\013\000\000\001\000\000\000\007\000\000\001\000\000\000\002\000\000\000")},
		.want = "> request method=LOGIN host=shop endpoint=LOGIN bytes=89 db.user=app\n"
			"< response status=ok bytes=11 db.mysql.server_version=8.0.36\n"
			"> request method=SELECT host=shop resource=SELECT a FROM t WHERE b = ? endpoint=SELECT a FROM "
			"t WHERE b = ? bytes=18058 db.collection.name=t\n"
			"< response status=ok bytes=17087 db.response.returned_rows=1\n"
			"< response status=ok bytes=18 db.mysql.affected_rows=0\n"
			"> request method=SELECT host=shop resource=SELECT a FROM t endpoint=SELECT a FROM t bytes=29 "
			"db.collection.name=t\n"
			"> request method=PING host=shop endpoint=PING bytes=12\n"
			"< response status=unknown bytes=18087\n"
			"< response status=ok bytes=18\n",
	},
	{0},
};
#endif

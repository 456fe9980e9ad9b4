/* SPDX-License-Identifier: Apache-2.0 */
#include "parsers/postgresql_priv.h"

#ifdef SP_WITH_VECTORS
#define EXECUTES                                                                                                       \
	"B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0"                                                                          \
	"E\0\0\0\11\0\0\0\0\0"
#define IS_INSERT(id_bytes)                                                                                            \
	"> request method=INSERT resource=INSERT INTO t VALUES ($1) endpoint=INSERT INTO t VALUES (?) id=" id_bytes    \
	" db.collection.name=t\n"
#define NOT_EXECUTED(id_bytes)                                                                                         \
	"< response message=not executed: an earlier request before the same sync failed status=unknown id=" id_bytes  \
	"\n"

const struct sp_vector sp_postgresql_vectors[] = {
	{
		.name = "log-in by SCRAM after TLS was refused, a query",
		.step = {SP_C("\0\0\0\10\4\322\26/"), SP_S("N"),
			 SP_C("\0\0\0\66\0\3\0\0user\0app\0database\0shop\0application_name\0tool\0\0"),
			 SP_S("R\0\0\0\27\0\0\0\12SCRAM-SHA-256\0\0"), SP_C("p\0\0\0\33SCRAM-SHA-256\0\0\0\0\5n,,n="),
			 SP_S("R\0\0\0\13\0\0\0\13r=1"
			      "R\0\0\0\13\0\0\0\14v=2"
			      "R\0\0\0\10\0\0\0\0"
			      "S\0\0\0\30server_version\0\61\65.3\0"
			      "S\0\0\0\21TimeZone\0UTC\0"
			      "K\0\0\0\14\0\0\0M\336\255\276\357"
			      "Z\0\0\0\5I"),
			 SP_C("Q\0\0\0\"SELECT * FROM t WHERE id = 1;\0"),
			 SP_S("T\0\0\0\32\0\1a\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0"
			      "D\0\0\0\13\0\1\0\0\0\1\61"
			      "C\0\0\0\15SELECT 1\0"
			      "Z\0\0\0\5I"),
			 SP_C("X\0\0\0\4")},
		.want = "> request app_version=3.0 method=LOGIN host=shop endpoint=LOGIN id=0 bytes=54 "
			"db.client.program=tool db.user=app\n"
			"< response status=ok id=0 bytes=71 db.postgresql.server_version=15.3\n"
			"> request method=SELECT host=shop resource=SELECT * FROM t WHERE id = ? endpoint=SELECT * "
			"FROM t WHERE id = ? id=1 bytes=35 db.collection.name=t\n"
			"< response status=ok id=1 bytes=59 db.response.returned_rows=1\n"
			"> oneway method=TERMINATE host=shop endpoint=TERMINATE id=4294967296 bytes=5\n",
	},
	{
		.name = "TLS",
		.step = {SP_C("\0\0\0\10\4\322\26\60"), SP_S("N"), SP_C("\0\0\0\10\4\322\26/"), SP_S("S")},
		.want = "< switch tls\n",
	},
	{
		.name = "GSS",
		.step = {SP_C("\0\0\0\10\4\322\26\60"), SP_S("G")},
		.want = "< switch \n",
	},
	{
		.name = "a cancel request",
		.step = {SP_C("\0\0\0\20\4\322\26.\0\0\0M\336\255\276\357")},
		.want = "> oneway method=CANCEL endpoint=CANCEL correlation=77 id=4294967296 bytes=16\n",
	},
	{
		.name = "log-in refused",
		.step = {SP_C("\0\0\0\22\0\3\0\0user\0eve\0\0"), SP_S("R\0\0\0\14\0\0\0\5salt"),
			 SP_C("p\0\0\0\13md5abc\0"),
			 SP_S("E\0\0\0ISFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"eve\"\0\0")},
		.want = "> request app_version=3.0 method=LOGIN host=eve endpoint=LOGIN id=0 bytes=18 "
			"db.user=eve\n"
			"< response code=28P01 message=password authentication failed for user \"eve\" "
			"status=client_error id=0 bytes=74 db.postgresql.severity=FATAL\n",
	},
	{
		.name = "several statements, a notice, errors, a notification",
		.step = {SP_C("Q\0\0\0\71BEGIN; UPDATE t SET a = 'x'; DELETE FROM t; SELECT 1\0"),
			 SP_S("C\0\0\0\12BEGIN\0"
			      "C\0\0\0\15UPDATE 3\0"
			      "C\0\0\0\15DELETE 2\0"
			      "T\0\0\0\32\0\1a\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0"
			      "D\0\0\0\13\0\1\0\0\0\1\61"
			      "C\0\0\0\15SELECT 1\0"
			      "Z\0\0\0\5T"),
			 SP_C("Q\0\0\0\33DROP TABLE IF EXISTS x\0"),
			 SP_S("N\0\0\0@SNOTICE\0VNOTICE\0C00000\0Mtable \"x\" does not exist, skipping\0\0"
			      "C\0\0\0\17DROP TABLE\0"
			      "Z\0\0\0\5I"),
			 SP_C("Q\0\0\0\26SELECT 'abc'::int\0"),
			 SP_S("E\0\0\0KSERROR\0VERROR\0C22P02\0Minvalid input syntax for type integer: \"abc\"\0P8\0\0"
			      "Z\0\0\0\5I"),
			 SP_C("Q\0\0\0\16SELEC 'x'\0"),
			 SP_S("E\0\0\0;SERROR\0VERROR\0C42601\0Msyntax error at or near \"SELEC\"\0\0"
			      "Z\0\0\0\5I"),
			 SP_C("Q\0\0\0\5\0"),
			 SP_S("I\0\0\0\4"
			      "Z\0\0\0\5I"),
			 SP_S("A\0\0\0\24\0\0\0\11news\0secret\0"),
			 SP_S("E\0\0\0\62SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0")},
		.want = "> request method=BEGIN resource=BEGIN; UPDATE t SET a = ?; DELETE FROM t; SELECT ? "
			"endpoint=BEGIN; UPDATE t SET a = ?; DELETE FROM t; SELECT ? id=0 bytes=58 "
			"db.collection.name=t\n"
			"< response status=ok id=0 bytes=98 db.response.returned_rows=1 db.postgresql.affected_rows=5\n"
			"> request method=DROP resource=DROP TABLE IF EXISTS x endpoint=DROP TABLE IF EXISTS x id=1 "
			"bytes=28 db.collection.name=x\n"
			"< interim id=1 bytes=65 db.postgresql.severity=NOTICE db.postgresql.notice=table \"x\" does "
			"not exist, skipping\n"
			"< response status=ok id=1 bytes=22\n"
			"> request method=SELECT resource=SELECT ?::int endpoint=SELECT ?::int id=2 bytes=23\n"
			"< response code=22P02 message=invalid input syntax for type integer: ? status=client_error "
			"id=2 bytes=82 db.postgresql.severity=ERROR\n"
			"> request method=SELEC resource=SELEC ? endpoint=SELEC ? id=3 bytes=15\n"
			"< response code=42601 message=syntax error at or near ? status=client_error id=3 bytes=66 "
			"db.postgresql.severity=ERROR\n"
			"> request method=QUERY endpoint=QUERY id=4 bytes=6\n"
			"< response status=ok id=4 bytes=11\n"
			"< oneway method=NOTIFICATION resource=news endpoint=NOTIFICATION id=4294967296 bytes=21\n"
			"< oneway method=ERROR endpoint=ERROR code=57P01 message=terminating connection "
			"status=server_error id=4294967297 bytes=51 "
			"db.postgresql.severity=FATAL\n",
	},
	{
		.name = "extended queries",
		.step = {SP_C("P\0\0\0;\0/*x-request-id='r1'*/ SELECT a FROM t WHERE id = $1\0\0\0"
			      "B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0"
			      "D\0\0\0\6P\0"
			      "E\0\0\0\11\0\0\0\0\0"
			      "S\0\0\0\4"),
			 SP_S("1\0\0\0\4"
			      "2\0\0\0\4"
			      "T\0\0\0\32\0\1a\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0"
			      "D\0\0\0\13\0\1\0\0\0\1\65"
			      "D\0\0\0\13\0\1\0\0\0\1\66"
			      "C\0\0\0\15SELECT 2\0"
			      "Z\0\0\0\5I"),
			 SP_C("P\0\0\0\61s1\0UPDATE t SET a = $1 WHERE b IN ($2, $3)\0\0\0"
			      "D\0\0\0\10Ss1\0"
			      "S\0\0\0\4"),
			 SP_S("1\0\0\0\4"
			      "t\0\0\0\12\0\1\0\0\0\27"
			      "n\0\0\0\4"
			      "Z\0\0\0\5I"),
			 SP_C("B\0\0\0\23\0s1\0\0\0\0\1\0\0\0\1x\0\0"
			      "E\0\0\0\11\0\0\0\0\0"
			      "S\0\0\0\4"),
			 SP_S("2\0\0\0\4"
			      "C\0\0\0\15UPDATE 7\0"
			      "Z\0\0\0\5I"),
			 SP_C("B\0\0\0\23c1\0\0\0\0\0\1\0\0\0\1x\0\0"
			      "E\0\0\0\13c1\0\0\0\0\1"
			      "H\0\0\0\4"),
			 SP_S("2\0\0\0\4"
			      "D\0\0\0\13\0\1\0\0\0\1\61"
			      "s\0\0\0\4"),
			 SP_C("E\0\0\0\13c1\0\0\0\0\1"
			      "C\0\0\0\10Pc1\0"
			      "C\0\0\0\10Ss1\0"
			      "S\0\0\0\4"),
			 SP_S("C\0\0\0\15SELECT 1\0"
			      "3\0\0\0\4"
			      "3\0\0\0\4"
			      "Z\0\0\0\5I"),
			 SP_C("B\0\0\0\23\0s1\0\0\0\0\1\0\0\0\1x\0\0"
			      "E\0\0\0\11\0\0\0\0\0"
			      "S\0\0\0\4"),
			 SP_S("E\0\0\0BSERROR\0VERROR\0C26000\0Mprepared statement \"s1\" does not exist\0\0"
			      "Z\0\0\0\5I"),
			 SP_C("S\0\0\0\4"), SP_S("Z\0\0\0\5I")},
		.want = "> request method=SELECT resource=SELECT a FROM t WHERE id = $1 endpoint=SELECT a FROM t WHERE "
			"id = ? x_request_id_request=r1 id=0 bytes=95 db.collection.name=t\n"
			"< response status=ok id=0 bytes=75 db.response.returned_rows=2\n"
			"> request method=PREPARE resource=UPDATE t SET a = $1 WHERE b IN ($2, $3) endpoint=UPDATE t "
			"SET a = ? WHERE b IN (?) id=1 bytes=64 db.collection.name=t\n"
			"< response status=ok id=1 bytes=27\n"
			"> request method=UPDATE resource=UPDATE t SET a = $1 WHERE b IN ($2, $3) endpoint=UPDATE t "
			"SET a = ? WHERE b IN (?) id=2 bytes=30 db.collection.name=t\n"
			"< response status=ok id=2 bytes=19 db.postgresql.affected_rows=7\n"
			"> request method=SELECT resource=SELECT a FROM t WHERE id = $1 endpoint=SELECT a FROM t WHERE "
			"id = ? id=3 bytes=32 db.collection.name=t\n"
			"< response status=ok id=3 bytes=22 db.response.returned_rows=1\n"
			"> request method=SELECT resource=SELECT a FROM t WHERE id = $1 endpoint=SELECT a FROM t WHERE "
			"id = ? id=4 bytes=12 db.collection.name=t\n"
			"< response status=ok id=4 bytes=14 db.response.returned_rows=0\n"
			"> request method=EXECUTE endpoint=EXECUTE id=5 bytes=30\n"
			"< response code=26000 message=prepared statement \"s1\" does not exist status=client_error "
			"id=5 bytes=67 db.postgresql.severity=ERROR\n"
			"> request method=SYNC endpoint=SYNC id=6 bytes=5\n"
			"< response status=ok id=6 bytes=6\n",
	},
	{
		.name = "a pipeline of which one fails",
		.step = {SP_C("P\0\0\0!\0INSERT INTO t VALUES ($1)\0\0\0"
			      "B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0"
			      "E\0\0\0\11\0\0\0\0\0"
			      "B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0"
			      "E\0\0\0\11\0\0\0\0\0"
			      "B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0"
			      "E\0\0\0\11\0\0\0\0\0"
			      "S\0\0\0\4"
			      "B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0"
			      "E\0\0\0\11\0\0\0\0\0"
			      "S\0\0\0\4"),
			 SP_S("1\0\0\0\4"
			      "2\0\0\0\4"
			      "E\0\0\0SSERROR\0VERROR\0C23505\0Mduplicate key value violates unique constraint "
			      "\"t_pkey\"\0\0"
			      "Z\0\0\0\5I"
			      "2\0\0\0\4"
			      "C\0\0\0\17INSERT 0 1\0"
			      "Z\0\0\0\5I")},
		.want = "> request method=INSERT resource=INSERT INTO t VALUES ($1) endpoint=INSERT INTO t VALUES (?) "
			"id=0 bytes=62 db.collection.name=t\n"
			"> request method=INSERT resource=INSERT INTO t VALUES ($1) endpoint=INSERT INTO t VALUES (?) "
			"id=1 bytes=28 db.collection.name=t\n"
			"> request method=INSERT resource=INSERT INTO t VALUES ($1) endpoint=INSERT INTO t VALUES (?) "
			"id=2 bytes=28 db.collection.name=t\n"
			"> request method=INSERT resource=INSERT INTO t VALUES ($1) endpoint=INSERT INTO t VALUES (?) "
			"id=3 bytes=28 db.collection.name=t\n"
			"< response code=23505 message=duplicate key value violates unique constraint \"t_pkey\" "
			"status=client_error id=0 bytes=94 db.postgresql.severity=ERROR\n"
			"< response message=not executed: an earlier request before the same sync failed "
			"status=unknown id=1 bytes=0\n"
			"< response message=not executed: an earlier request before the same sync failed "
			"status=unknown id=2 bytes=6\n"
			"< response status=ok id=3 bytes=21 db.postgresql.affected_rows=1\n",
		.no_probe = true,
	},
	{
		.name = "many requests after one that fails",
		.step = {SP_C("P\0\0\0!\0INSERT INTO t VALUES ($1)\0\0\0" EXECUTES EXECUTES EXECUTES EXECUTES EXECUTES
				      EXECUTES EXECUTES EXECUTES EXECUTES EXECUTES "S\0\0\0\4"),
			 SP_S("1\0\0\0\4"
			      "2\0\0\0\4"
			      "E\0\0\0SSERROR\0VERROR\0C23505\0Mduplicate key value violates unique constraint "
			      "\"t_pkey\"\0\0"
			      "Z\0\0\0\5I")},
		.want = IS_INSERT("0 bytes=62") IS_INSERT("1 bytes=28") IS_INSERT("2 bytes=28") IS_INSERT(
			"3 bytes=28") IS_INSERT("4 bytes=28") IS_INSERT("5 bytes=28") IS_INSERT("6 bytes=28")
			IS_INSERT("7 bytes=28") IS_INSERT("8 bytes=28") IS_INSERT(
				"9 bytes=28") "< response code=23505 message=duplicate key value violates unique "
					      "constraint \"t_pkey\" "
					      "status=client_error id=0 bytes=94 "
					      "db.postgresql.severity=ERROR\n" NOT_EXECUTED("1 bytes=0") NOT_EXECUTED(
						      "2 bytes=0") NOT_EXECUTED("3 bytes=0") NOT_EXECUTED("4 bytes=0")
						      NOT_EXECUTED("5 bytes=0") NOT_EXECUTED("6 bytes=0")
							      NOT_EXECUTED("7 bytes=0") NOT_EXECUTED("8 bytes=0")
								      NOT_EXECUTED("9 bytes=6"),
		.no_probe = true,
	},
	{
		.name = "many syncs on the way",
		.step = {SP_C("P\0\0\0\20\0SELECT "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T "
			      "1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4P\0\0\0\20\0SELEC"
			      "T 1\0\0\0B\0\0\0\21\0\0\0\0\0\1\0\0\0\1x\0\0E\0\0\0\11\0\0\0\0\0S\0\0\0\4"),
			 SP_S("1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT 0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT "
			      "0\0Z\0\0\0\5I1\0\0\0\4\62\0\0\0\4C\0\0\0\15SELECT 0\0Z\0\0\0\5I")},
		.want = "> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=0 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=1 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=2 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=3 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=4 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=5 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=6 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=7 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=8 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=9 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=10 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=11 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=12 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=13 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=14 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=15 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=16 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=17 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=18 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=19 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=20 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=21 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=22 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=23 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=24 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=25 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=26 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=27 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=28 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=29 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=30 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=31 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=32 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=33 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=34 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=35 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=36 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=37 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=38 bytes=45\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=39 bytes=45\n"
			"< response status=ok id=0 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=1 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=2 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=3 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=4 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=5 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=6 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=7 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=8 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=9 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=10 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=11 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=12 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=13 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=14 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=15 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=16 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=17 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=18 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=19 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=20 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=21 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=22 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=23 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=24 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=25 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=26 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=27 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=28 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=29 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=30 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=31 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=32 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=33 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=34 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=35 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=36 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=37 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=38 bytes=24 db.response.returned_rows=0\n"
			"< response status=ok id=39 bytes=24 db.response.returned_rows=0\n",
	},
	{
		.name = "COPY",
		.step = {SP_C("Q\0\0\0\26COPY t FROM STDIN\0"), SP_S("G\0\0\0\11\0\0\1\0\0"),
			 SP_C("d\0\0\0\6\61\12"
			      "d\0\0\0\6\62\12"
			      "c\0\0\0\4"),
			 SP_S("C\0\0\0\13COPY 2\0"
			      "Z\0\0\0\5I"),
			 SP_C("Q\0\0\0\25COPY t TO STDOUT\0"),
			 SP_S("H\0\0\0\11\0\0\1\0\0"
			      "d\0\0\0\6\61\12"
			      "c\0\0\0\4"
			      "C\0\0\0\13COPY 1\0"
			      "Z\0\0\0\5I"),
			 SP_C("Q\0\0\0\26COPY t FROM STDIN\0"), SP_S("G\0\0\0\11\0\0\1\0\0"), SP_C("f\0\0\0\7no\0"),
			 SP_S("E\0\0\0\66SERROR\0VERROR\0C57014\0MCOPY from stdin failed: no\0\0"
			      "Z\0\0\0\5I")},
		.want = "> request method=COPY resource=COPY t FROM STDIN endpoint=COPY t FROM STDIN id=0 bytes=23 "
			"db.collection.name=t\n"
			"< response status=ok id=0 bytes=28 db.postgresql.affected_rows=2\n"
			"> request method=COPY resource=COPY t TO STDOUT endpoint=COPY t TO STDOUT id=1 bytes=22 "
			"db.collection.name=t\n"
			"< response status=ok id=1 bytes=40 db.postgresql.affected_rows=1\n"
			"> request method=COPY resource=COPY t FROM STDIN endpoint=COPY t FROM STDIN id=2 bytes=23 "
			"db.collection.name=t\n"
			"< response code=57014 message=COPY from stdin failed: no status=server_error id=2 bytes=71 "
			"db.postgresql.severity=ERROR\n",
	},
	{
		.name = "a function call, replication",
		.step = {SP_C("F\0\0\0\16\0\0\6>\0\0\0\0\0\0"),
			 SP_S("V\0\0\0\11\0\0\0\1x"
			      "Z\0\0\0\5I"),
			 SP_C("Q\0\0\0+START_REPLICATION SLOT \"s\" LOGICAL 0/0\0"),
			 SP_S("W\0\0\0\7\0\0\0"
			      "d\0\0\0\35wxxxxxxxxxxxxxxxxxxxxxxxx"),
			 SP_C("d\0\0\0&ryyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
			 SP_S("d\0\0\0\35wxxxxxxxxxxxxxxxxxxxxxxxx"), SP_C("c\0\0\0\4"),
			 SP_S("c\0\0\0\4"
			      "C\0\0\0\13COPY 0\0"
			      "Z\0\0\0\5I")},
		.want = "> request method=FUNCTION resource=1598 endpoint=FUNCTION id=0 bytes=15\n"
			"< response status=ok id=0 bytes=16\n"
			"> request method=START_REPLICATION resource=START_REPLICATION SLOT \"s\" LOGICAL ?/? "
			"endpoint=START_REPLICATION SLOT \"s\" LOGICAL ?/? id=1 bytes=44\n"
			"< response status=ok id=1 bytes=91 db.postgresql.affected_rows=0\n",
		.no_probe = true,
	},
	{
		.name = "joined in the middle",
		.step = {SP_S("T\0\0\0\32\0\1a\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0"
			      "D\0\0\0\13\0\1\0\0\0\1\61"
			      "C\0\0\0\15SELECT 1\0"
			      "Z\0\0\0\5I"),
			 SP_C("Q\0\0\0\15SELECT 2\0"),
			 SP_S("T\0\0\0\32\0\1a\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0"
			      "D\0\0\0\13\0\1\0\0\0\1\61"
			      "C\0\0\0\15SELECT 1\0"
			      "Z\0\0\0\5I")},
		.want = "< response status=ok id=4294967296 bytes=59 db.response.returned_rows=1\n"
			"> request method=SELECT resource=SELECT ? endpoint=SELECT ? id=0 bytes=14\n"
			"< response status=ok id=0 bytes=59 db.response.returned_rows=1\n",
	},
	{
		.name = "a length that is none",
		.step = {SP_C("Q\0\0\0\2xx")},
		.want = "> bad\n",
		.no_probe = true,
	},
	{
		.name = "nobody's letter",
		.step = {SP_S("y\0\0\0\4")},
		.want = "< bad\n",
		.no_probe = true,
	},
	{
		.name = "values shown, passwords not",
		.step = {SP_C("\0\0\0\20\0\3\0\0user\0a\0\0"),
			 SP_S("R\0\0\0\10\0\0\0\0"
			      "S\0\0\0$standard_conforming_strings\0off\0"
			      "Z\0\0\0\5I"),
			 SP_C("Q\0\0\0\22SELECT 'a\\'b'\0"), SP_S("Z\0\0\0\5I"),
			 SP_C("Q\0\0\0$ALTER ROLE r PASSWORD 'hunter2'\0"),
			 SP_S("E\0\0\0?SERROR\0VERROR\0C42601\0Msyntax error at or near \"'hunter2'\"\0\0"
			      "Z\0\0\0\5I")},
		.want = "> request app_version=3.0 method=LOGIN host=a endpoint=LOGIN id=0 bytes=16 "
			"db.user=a\n"
			"< response status=ok id=0 bytes=52\n"
			"> request method=SELECT host=a resource=SELECT 'a\\x5c'b' endpoint=SELECT ? id=1 bytes=19\n"
			"< response status=ok id=1 bytes=6\n"
			"> request method=ALTER host=a resource=ALTER ROLE r PASSWORD ? endpoint=ALTER ROLE r PASSWORD "
			"? id=2 bytes=37\n"
			"< response code=42601 message=syntax error at or near ? status=client_error id=2 bytes=70 "
			"db.postgresql.severity=ERROR\n",
		.reveal = true,
	},
	{0},
};
#endif

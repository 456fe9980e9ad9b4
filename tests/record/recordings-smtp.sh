# SPDX-License-Identifier: Apache-2.0
# Mail.

r_smtp()
{
	net_up
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 3650 -subj /CN=mx.example.test 2>/dev/null
	cat >"$work/server.py" <<-'END'
		import asyncio, ssl, sys
		from aiosmtpd.handlers import Sink
		from aiosmtpd.smtp import SMTP, AuthResult
		work = sys.argv[1]
		class Handler(Sink):
		    async def handle_RCPT(self, server, session, envelope, address, options):
		        if address.startswith("nobody"):
		            return "550 5.1.1 <%s>: no such user" % address
		        envelope.rcpt_tos.append(address)
		        return "250 2.1.5 Ok"
		    async def handle_DATA(self, server, session, envelope):
		        return "451 4.3.0 later" if b"later" in envelope.content else "250 2.0.0 Ok: queued as 4AB12"
		tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
		tls.load_cert_chain(work + "/cert.pem", work + "/key.pem")
		check = lambda *a: AuthResult(success=a[4].password == b"right", handled=False)
		async def main():
		    loop = asyncio.get_running_loop()
		    options = dict(hostname="mx.example.test", enable_SMTPUTF8=True)
		    await loop.create_server(lambda: SMTP(Handler(), tls_context=tls, authenticator=check, auth_require_tls=False, **options), "10.2.0.2", 25)
		    await asyncio.Event().wait()
		asyncio.run(main())
	END
	background in_s /usr/bin/python3 "$work/server.py" "$work"
	wait_port "$S" 25
	record_start "$M" c0 'tcp port 25'
	mail() { in_c swaks --server 10.2.0.2 --helo client.example.test --from alice@example.test "$@" >/dev/null 2>&1 || true; }
	mail --to bob@example.org,eve@example.org --body 'hello'
	mail --to nobody@example.org,bob@example.org --body "$(seq 1 800)"
	mail --to nobody@example.org
	mail --to bob@example.org --body 'later'
	mail --to bob@example.org --auth PLAIN --auth-user alice --auth-password wrong
	mail --to bob@example.org --auth LOGIN --auth-user alice --auth-password right
	mail --to bob@example.org --pipeline
	mail --to bob@example.org --tls
	record_stop
	note "swaks, $(version_of python3-aiosmtpd): a mail to two; one of which one recipient is refused, and both; one that is put off; credentials that are wrong, and right; PIPELINING; STARTTLS."
}

# A Postfix of its own in $work: what it takes for example.org goes nowhere.
postfix_up()
{
	mkdir -p "$work/postfix" "$work/spool" "$work/data"
	chown postfix "$work/data"
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/cert.pem" -days 3650 -subj /CN=mx.example.org 2>/dev/null
	cat >"$work/postfix/main.cf" <<-END
		compatibility_level = 3.6
		queue_directory = $work/spool
		data_directory = $work/data
		maillog_file = $work/mail.log
		maillog_file_prefixes = $work
		myhostname = mx.example.org
		mydestination = example.org
		mynetworks =
		inet_interfaces = 10.2.0.2
		inet_protocols = ipv4
		disable_dns_lookups = yes
		smtpd_peername_lookup = no
		alias_maps =
		local_transport = discard:
		local_recipient_maps = inline:{bob=x, eve=x, later=x}
		smtpd_recipient_restrictions = reject_unauth_destination, check_recipient_access inline:{later@example.org=DEFER}
		message_size_limit = 4000
		smtpd_tls_cert_file = $work/cert.pem
		smtpd_tls_key_file = $work/key.pem
		smtpd_tls_security_level = may
	END
	cat >"$work/postfix/master.cf" <<-END
		smtp      inet n - n - - smtpd
		cleanup   unix n - n - 0 cleanup
		qmgr      unix n - n 300 1 qmgr
		tlsmgr    unix - - n 1000? 1 tlsmgr
		rewrite   unix - - n - - trivial-rewrite
		bounce    unix - - n - 0 bounce
		defer     unix - - n - 0 bounce
		flush     unix n - n 1000? 0 flush
		proxymap  unix - - n - - proxymap
		error     unix - - n - - error
		discard   unix - - n - - discard
		anvil     unix - - n - 1 anvil
		postlog   unix-dgram n - n - 1 postlogd
	END
	background in_s postfix -c "$work/postfix" start-fg
	wait_port "$S" 25
}

r_smtp_postfix()
{
	net_up
	postfix_up
	record_start "$M" c0 'tcp port 25'
	mail() { in_c swaks --server 10.2.0.2 --helo client.example.test --from alice@example.test "$@" >/dev/null 2>&1 || true; }
	mail --to bob@example.org,eve@example.org --body 'hello'
	mail --to nobody@example.org,bob@example.org --body 'hello'
	mail --to carol@example.com
	mail --to later@example.org
	mail --to bob@example.org --body "$(seq 1 2000)"
	mail --to bob@example.org --tls
	in_c /usr/bin/python3 -c '
import socket
s = socket.create_connection(("10.2.0.2", 25))
lines = s.makefile("rb")
def replies(n):
    while n:
        n -= lines.readline()[3:4] == b" "
def say(text, n):
    s.sendall(text.replace("\n", "\r\n").encode())
    replies(n)
replies(1)
say("EHLO client.example.test\n", 1)
say("MAIL FROM:<alice@example.test>\nRCPT TO:<bob@example.org>\nDATA\n", 3)
say("Subject: one\n\nQUIT\n..\n.\nRSET\nMAIL FROM:<alice@example.test>\nRCPT TO:<eve@example.org>\nDATA\n", 5)
say("Subject: two\n\nfirst line\n.\n", 1)
say("MAIL FROM:<alice@example.test> SIZE=20\nRCPT TO:<bob@example.org>\n", 2)
say("BDAT 7\nhello\nBDAT 7 LAST\nworld\n", 2)
say("VRFY bob\nEXPN all\nHELP\nNOOP\nETRN example.org\nMAIL FROM:<alice@example.test> SIZE=100000\n", 6)
say("QUIT\n", 1)
'
	record_stop
	note "swaks and a script, $(version_of postfix): a mail to two; one of which one recipient is refused (550); no relaying (454); one put off (450); one that is too large (552); STARTTLS; last two mails without waiting, one in two chunks (BDAT); VRFY, EXPN, HELP and ETRN refused, and a SIZE that is too large (552)."
}

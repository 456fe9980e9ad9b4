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

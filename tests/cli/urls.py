#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`spantap trace`, `profile` and `top` of URLs: the same as of the directory, and what is said when a server or the way to
it fails. Servers are made here, on loopback. As cli.py."""

import atexit
import base64
import contextlib
import ctypes
import functools
import gzip
import http.server
import json
import os
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

from cli import SPANTAP, Dir, Ran, Skip, main, run

CAPTURE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "captures", "demo-shop.pcapng")
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
             "CURL_CA_BUNDLE", "SSL_CERT_FILE")
NOWHERE = "w" * 64 + ".invalid"  # what no DNS server can be asked for
MISSING = "No such file or directory; a directory that 'spantap read -o' wrote is expected"
# To be trusted where a system trusts nobody: without any certificate libcurl does not even connect. Its key is lost.
SOMEBODY = """\
-----BEGIN CERTIFICATE-----
MIIBijCCAS+gAwIBAgIUbNdimzN0+EbwWUtRO6R06LRAnuQwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwObm9ib2R5LmV4YW1wbGUwIBcNMjYxMTI2MTEyNTI4WhgPMjEy
NjExMDIxMTI1MjhaMBkxFzAVBgNVBAMMDm5vYm9keS5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEUZep2NnLcaY2tzD2vluK1ZuQdPPzKdS04lBViSGT
mEE6YOKIp0W4yAU5YhWzsXSBNj7N1N6UraiarOvlHGBKo6NTMFEwHQYDVR0OBBYE
FDS5ccDuC+HKSm+IjJi2kHjOeBzGMB8GA1UdIwQYMBaAFDS5ccDuC+HKSm+IjJi2
kHjOeBzGMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAI/WIrSX
RyBqGyRcBPiWGvhIxYiCTfYN04c6brIBsY3zAiEA0/4/FxzuSwLlVdxGQwLw2SHw
A7+wh2XLcKMJ0fR6syQ=
-----END CERTIFICATE-----
"""


# Servers

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        self.server.asked.append(self.path)
        self.server.authorized.append(self.headers.get("Authorization"))
        special = self.server.special.get(path)
        if special:
            special(self)
        else:
            super().do_GET()

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def answer(self, status, body=b"", **headers):
        """Headers override those that follow from the body."""
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            if value is not None:
                self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)


class Site(http.server.ThreadingHTTPServer):
    """A directory on the web. `special`: answers of some paths, functions of the handler."""
    daemon_threads = True
    block_on_close = False

    def __init__(self, directory, special=None, tls=None):
        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=directory))
        self.asked, self.authorized, self.special, self.closing = [], [], special or {}, threading.Event()
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server_port}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __exit__(self, *args):
        self.closing.set()
        self.shutdown()
        super().__exit__(*args)

    def handle_error(self, *_):  # pylint: disable=arguments-differ
        pass  # the other end has gone


@contextlib.contextmanager
def deaf():
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        yield f"127.0.0.1:{s.getsockname()[1]}"


@contextlib.contextmanager
def blurting(data):
    """A port that answers everything with the same bytes."""
    def serve(s):
        while True:
            try:
                c, _ = s.accept()
            except OSError:
                return
            with c, contextlib.suppress(OSError):
                c.recv(65536)
                c.sendall(data)
                c.shutdown(socket.SHUT_WR)
                c.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as s:
        thread = threading.Thread(target=serve, args=(s,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{s.getsockname()[1]}"
        finally:
            # Closing alone leaves it waiting, by a number that the next server's socket may get.
            s.shutdown(socket.SHUT_RDWR)
            thread.join()


def status(code):
    return lambda h: h.answer(code, b"no")


def redirect(to, code=302):
    return lambda h: h.answer(code, Location=to)


def broken(body):
    """Less than was promised."""
    return lambda h: h.answer(200, body[:len(body) // 2], Content_Length=len(body))


def broken_chunks(body):
    def answer(h):
        h.answer(200, b"%x\r\n%s\r\n40\r\nabc" % (len(body), body), Content_Length=None, Transfer_Encoding="chunked")

    return answer


def stalling(body):
    def answer(h):
        h.answer(200, body[:100], Content_Length=len(body))
        h.wfile.flush()
        h.server.closing.wait(60)

    return answer


def dripping(h):
    h.answer(200, b"{", Content_Length=1_000_000)
    while not h.server.closing.wait(0.2):
        h.wfile.write(b" ")


# Records, and runs

@functools.lru_cache(maxsize=None)
def shop():
    """The directory that is read here."""
    d = Dir().__enter__()  # pylint: disable=unnecessary-dunder-call,consider-using-with
    atexit.register(d.__exit__)
    conf = d.write("c.yaml", "profile: {record: all, keep_packets: 200}\n")
    run("read", "-c", conf, "--profile", "-o", d("out"), CAPTURE)
    return d("out")


def read(name, directory=None):
    with open(os.path.join(directory or shop(), name), "rb") as f:
        return f.read()


def lone(**env):
    """An environment without proxies, certificates and passwords of whoever runs the tests."""
    return {**dict.fromkeys(VARIABLES, ""), "HOME": "/nonexistent", **env}


def fetch(*args, expect=0, **env):
    return run(*args, expect=expect, env=lone(**env))


def asked(site):
    names = [os.path.basename(urllib.parse.urlsplit(p).path) for p in site.asked]
    site.asked.clear()
    return names


def some_trace():
    return json.loads(read("traces.jsonl").splitlines()[0])["trace_id"]


def some_flow():
    """The one with most packets."""
    flows = [json.loads(line) for line in read("profiles.jsonl").splitlines()]
    return max(flows, key=lambda f: f["packets_recorded"])["flow_id"]


# Tests

def test_same_as_the_directory():
    for files, command, options, more in (
            (["traces", "paths"], "trace", [], []),
            (["traces", "paths"], "trace", ["--slowest", "5"], []),
            (["traces", "paths"], "trace", ["--errors"], []),
            (["traces"], "trace", ["--where", "app_proto=http,duration_us>1000"], []),
            (["edges", "losses"], "trace", ["--edges"], []),
            (["traces"], "trace", [], [some_trace()]),
            (["traces"], "trace", [], [some_trace()[:2]]),
            (["profiles"], "profile", [], []),
            (["profiles"], "profile", ["--sort", "packets", "--slowest", "3"], []),
            (["profiles"], "profile", ["--table"], [some_flow()]),
            (["profiles"], "profile", ["--ladder", "--all"], [some_flow()]),
            (["profiles"], "profile", ["--phases"], [some_flow()]),
            (["flows", "requests"], "top", [], []),
            (["flows", "requests"], "top", ["--by", "endpoint", "--sort", "latency"], []),
            (["flows", "requests"], "top", ["--by", "server", "--json"], [])):
        with Site(os.path.dirname(shop())) as site:
            want = fetch(command, *options, shop(), *more)
            assert len(want.out.splitlines()) > 2, want.out
            for slashes in ("", "/", "//"):
                url = site.url + "/out"
                got = fetch(command, *options, url + slashes, *more)
                assert got.out.replace(url, shop()) == want.out and got.err == want.err, (command, options, got.out, got.err)
                assert asked(site) == [f + ".jsonl" for f in files], (command, options)
        assert fetch(command, *options, "file://" + shop() + "/", *more).out == want.out


def test_pictures_and_packets():
    flow = some_flow()
    with Dir() as d, Site(shop()) as site:
        for place in (shop(), site.url):
            run_there = [fetch("profile", option, d("file"), place, flow).out for option in ("--pcapng", "--svg")]
            assert "packets are in" in run_there[0]
            out = (run_there, read("file", d()))
            fetch("profile", "--pcapng", d("file"), place, flow)
            packets = read("file", d())
            assert len(packets) > 1000
            want = (out, packets) if place == shop() else want
        assert (out, packets) == want
        assert asked(site) == ["profiles.jsonl", "packets.pcapng", "profiles.jsonl", "profiles.jsonl", "packets.pcapng"]


def test_names():
    want = fetch("trace", shop()).out
    with Dir() as d, Site(d()) as site:
        name = "my run #1? é 100%"
        os.symlink(shop(), d(name))
        quoted = urllib.parse.quote(name)
        assert fetch("trace", f"{site.url}/{quoted}/").out == want
        assert site.asked[0] == f"/{quoted}/traces.jsonl"
        assert fetch("trace", f"{site.url}/my run %231%3f é 100%25").out == want
        assert fetch("trace", f"file://{d()}/{quoted}/").out == want
        err = fetch("trace", f"file://{d()}/no%20way", expect=1).err
        assert err == f"spantap: {d()}/no way/traces.jsonl: {MISSING}\n", err


def test_queries_stay_and_are_not_shown():
    with Site(shop()) as site:
        out = fetch("top", site.url + "/?sig=s3cret&x=/y#z").out
        assert site.asked == ["/flows.jsonl?sig=s3cret&x=/y", "/requests.jsonl?sig=s3cret&x=/y"]
        assert out.splitlines()[1] == site.url, out
        assert "s3cret" not in fetch("top", site.url + "/no?sig=s3cret", expect=1).err


def test_redirects():
    want = fetch("trace", shop()).out
    with Site(shop()) as site, Site(shop()) as front:
        def then(to):
            front.special["/x/traces.jsonl"] = redirect(to)
            return fetch("trace", front.url + "/x", expect=0 if to.startswith(("..", site.url)) else 1)

        front.special["/x/paths.jsonl"] = redirect("/paths.jsonl", 308)
        assert then(site.url + "/traces.jsonl").out == want
        assert then("../traces.jsonl").out == want
        assert "redirects" in then("/x/traces.jsonl").err
        # Not into files of whoever asks.
        for to in (f"file://{shop()}/traces.jsonl", "ftp://127.0.0.1/traces.jsonl"):
            ran = then(to)
            assert not ran.out and f"{front.url}/x/traces.jsonl: " in ran.err and "not supported or disabled" in ran.err, ran.err


def test_encodings():
    want = fetch("trace", shop()).out

    def packed(h):
        assert "gzip" in h.headers["Accept-Encoding"]
        h.answer(200, gzip.compress(read("traces.jsonl")), Content_Encoding="gzip")

    with Site(shop(), {"/traces.jsonl": packed}) as site:
        assert fetch("trace", site.url).out == want
        whole = gzip.compress(read("traces.jsonl"))
        for body in (b"no gzip at all, and long enough", whole[:-8] + bytes(8), whole[:100] + whole[200:]):
            site.special["/traces.jsonl"] = lambda h, body=body: h.answer(200, body, Content_Encoding="gzip")
            ran = fetch("trace", site.url, expect=1)
            assert not ran.out and "/traces.jsonl: " in ran.err, ran.err


def test_files_that_are_missing():
    with Dir() as d, Site(d()) as site:
        os.symlink(shop(), d("out"))
        for code in (404, 410):
            for name in ("traces.jsonl", "edges.jsonl", "profiles.jsonl", "flows.jsonl", "requests.jsonl", "paths.jsonl",
                         "packets.pcapng"):
                site.special["/out/" + name] = status(code)
            for command in (["trace"], ["trace", "--edges"], ["profile"], ["top"]):
                ran = fetch(*command, site.url + "/out/", expect=1)
                assert not ran.out and ran.err.startswith(f"spantap: {site.url}/out/") and ran.err.endswith(MISSING + "\n"), ran.err
        # Those that a run need not have written.
        site.special = {f"/out/{name}": status(404) for name in ("requests.jsonl", "paths.jsonl", "packets.pcapng")}
        assert "flows" in fetch("top", site.url + "/out").out
        assert "Where connections died" not in fetch("trace", site.url + "/out").out
        err = fetch("profile", "--pcapng", d("x"), site.url + "/out", some_flow(), expect=1).err
        assert err == (f"spantap: {site.url}/out/packets.pcapng: No such file or directory; packets are kept when "
                       "profile.keep_packets says how much of them\n"), err


def test_other_answers():
    with Site(shop()) as site:
        for code, words in ((500, "fails (HTTP 500); try again"), (503, "HTTP 503"), (429, "HTTP 429"), (403, "refuses it"),
                            (401, "~/.netrc"), (400, "is the URL right?"), (204, "HTTP 204"), (304, "HTTP 304"), (300, "HTTP 300")):
            site.special["/flows.jsonl"] = status(code)
            ran = fetch("top", site.url, expect=1)
            assert not ran.out and ran.err.startswith(f"spantap: {site.url}/flows.jsonl: ") and words in ran.err, ran.err
            assert ran.err.count("\n") == 1
        site.special["/flows.jsonl"] = lambda h: h.answer(200, b"<html>\n<p>It works!\n</html>\n")
        err = fetch("top", site.url, expect=1).err
        assert err == f"spantap: {site.url}/flows.jsonl: 3 lines are no flows, and were passed over\n", err


def test_nothing_half_is_shown():
    """A part that failed is named, and the exit code says so."""
    with Dir() as d, Site(shop()) as site:
        for fail in (status(500), broken(b"x" * 1000), broken_chunks(b"{}\n" * 100)):
            for name in ("requests", "paths", "losses", "packets"):
                suffix = ".pcapng" if name == "packets" else ".jsonl"
                site.special[f"/{name}{suffix}"] = fail
            for code, name, args in ((1, "requests", ["top", site.url]), (3, "paths", ["trace", site.url]),
                                     (3, "losses", ["trace", "--edges", site.url]),
                                     (1, "packets", ["profile", "--pcapng", d("x"), site.url, some_flow()])):
                ran = fetch(*args, expect=code)
                assert ran.err.startswith(f"spantap: {site.url}/{name}.") and ran.err.count("\n") == 1, ran.err
                assert "died" not in ran.out and "segments were lost" not in ran.out, ran.out
                assert bool(ran.out) == (name != "requests") and not os.path.exists(d("x"))


def test_connections_that_fail():
    with socket.create_server(("127.0.0.1", 0)) as s:
        url = f"http://127.0.0.1:{s.getsockname()[1]}/out"
    err = fetch("trace", url, expect=1).err
    assert err.startswith(f"spantap: {url}/traces.jsonl: Failed to connect") and "does the server run" in err, err
    err = fetch("trace", f"http://{NOWHERE}/out", expect=1).err
    assert "Could not resolve host" in err and "is the name right?" in err, err
    for data, words in ((b"", "try again"), (b"220 mail.example ESMTP\r\n", "HTTP/0.9"), (b"HTTP/1.1 200", "traces.jsonl: "),
                        (b"HTTP/1.1 200 OK\r\n" + b"X: \x1b[31m\r\n" * 100_000, "traces.jsonl: "),
                        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", "it did not come as a whole"),
                        (b"HTTP/1.1 302 OK\r\nLocation: \x1b[31m://x\r\n\r\n", "traces.jsonl: ")):
        with blurting(data) as url:
            ran = fetch("trace", url, expect=1)
            assert not ran.out and words in ran.err and ran.err.count("\n") == 1 and "\x1b" not in ran.err, ran.err


def test_servers_that_stall():
    silent = [lambda h: h.server.closing.wait(60), stalling(read("traces.jsonl")), dripping]
    with Dir() as d, Site(shop()) as site, deaf() as host:
        d.write("somebody", SOMEBODY)
        for answer in silent:
            site.special["/traces.jsonl"] = answer
            ran = fetch("trace", "--timeout", "1", site.url, expect=1)
            assert not ran.out and f"{site.url}/traces.jsonl: " in ran.err and "--timeout" in ran.err, ran.err
        for scheme in ("http", "https"):
            ran = fetch("trace", "--timeout=1", f"{scheme}://{host}/", expect=1, SSL_CERT_FILE=d("somebody"))
            assert not ran.out and "--timeout" in ran.err, ran.err


def test_credentials():
    want = fetch("top", shop()).out.splitlines()[2:]
    basic = "Basic " + base64.b64encode(b"me:s3cret/@").decode()

    def ask(h):
        if h.headers.get("Authorization") == basic:
            h.answer(200, read(os.path.basename(h.path)))
        else:
            h.answer(401, WWW_Authenticate='Basic realm="x"')

    names = ("/flows.jsonl", "/requests.jsonl")
    with Dir() as d, Site(shop(), dict.fromkeys(names, ask)) as site, Site(shop()) as other:
        out = fetch("top", f"http://me:s3cret%2F%40@{site.host}").out
        assert out.splitlines()[1] == site.url and out.splitlines()[2:] == want and "me:" not in out
        err = fetch("top", f"http://me:s3cret@{site.host}", expect=1).err
        assert err.startswith(f"spantap: {site.url}/flows.jsonl: the server wants a user and password") and "s3cret" not in err
        d.write("somebody", SOMEBODY)
        d.write(".netrc", "machine 127.0.0.1 login me password s3cret/@\n")
        os.chmod(d(".netrc"), 0o600)
        assert run("top", site.url, env=lone(HOME=d())).out == out
        for code in (302, 307):  # another server gets none of it
            site.special = {name: redirect(other.url + name, code) for name in names}
            assert fetch("top", f"http://me:s3cret%2F%40@{site.host}").out == out
        assert other.authorized == [None] * 4, other.authorized
        for url in ("http://me:s3cret@127.0.0.1:1/", f"http://me:s3cret@{NOWHERE}/", f"https://me:s3cret@{site.host}/"):
            err = fetch("top", url, expect=1, SSL_CERT_FILE=d("somebody")).err
            assert "s3cret" not in err and "me:" not in err and "me@" not in err, err
        assert "speak TLS" in err
        for url in ("http://me:s3c/ret@box/", "http://me:s3c@ret@box/", "http://me:s3c ret@bo x/", "sftp://me:s3cret@box/"):
            err = fetch("top", url, expect=2).err
            assert "s3c" not in err and "me:" not in err, err


def test_proxy():
    with Site(os.path.dirname(shop())) as proxy:
        for name in ("traces", "paths"):
            proxy.special[f"/run1/{name}.jsonl"] = lambda h, name=name: h.answer(200, read(name + ".jsonl"))
        out = run("trace", "http://box.example/run1", env=lone(http_proxy=proxy.url)).out
        assert out == fetch("trace", shop()).out
        assert proxy.asked == ["http://box.example/run1/traces.jsonl", "http://box.example/run1/paths.jsonl"]


def test_tls():
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    with Dir() as d:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                        "/CN=box", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", d("key"), "-out", d("cert")],
                       check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(d("cert"), d("key"))
        with Site(shop(), tls=tls) as site:
            ran = fetch("trace", site.url, expect=1)
            assert not ran.out and not site.asked and "certificate" in ran.err and "SSL_CERT_FILE" in ran.err, ran.err
            assert fetch("trace", site.url, SSL_CERT_FILE=d("cert")).out == fetch("trace", shop()).out
            assert fetch("trace", site.url, SSL_CERT_FILE=d("no"), expect=1).err.startswith(f"spantap: {site.url}/traces.jsonl: ")


def test_temporary_files():
    with Dir() as d, Site(shop(), {"/paths.jsonl": stalling(b"x" * 1000), "/flows.jsonl": broken(b"x" * 1000)}) as site:
        os.mkdir(d("tmp"))
        fetch("profile", site.url, TMPDIR=d("tmp"))
        fetch("top", site.url, TMPDIR=d("tmp"), expect=1)
        for end in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            site.asked.clear()
            with subprocess.Popen([SPANTAP, "trace", site.url], env=dict(os.environ, **lone(TMPDIR=d("tmp"))),
                                  stdout=subprocess.DEVNULL) as p:
                for _ in range(500):
                    if "/paths.jsonl" in site.asked:
                        break
                    time.sleep(0.01)
                links = [os.readlink(f"/proc/{p.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{p.pid}/fd")]
                assert sum(link.startswith(d("tmp") + "/spantap-") for link in links) == 2, links
                p.send_signal(end)
                assert p.wait(30) == -end
        assert not os.listdir(d("tmp"))
        err = fetch("trace", site.url, TMPDIR=d("none"), expect=1).err
        assert err == (f"spantap: {site.url}/traces.jsonl: {d('none')}: No such file or directory; TMPDIR names a directory with "
                       "room for it\n"), err
        if os.getuid():
            os.chmod(d("tmp"), 0)
            assert "Permission denied; TMPDIR" in fetch("trace", site.url, TMPDIR=d("tmp"), expect=1).err


def test_no_room():
    """A file may be no longer than this: what a full disk does, for any user. Compressed, it is short enough."""
    big = gzip.compress(b" " * 10_000_000)
    with Site(shop(), {"/traces.jsonl": lambda h: h.answer(200, big, Content_Encoding="gzip")}) as site:
        p = subprocess.run([SPANTAP, "trace", site.url], capture_output=True, check=False, timeout=60, restore_signals=False,
                           env=dict(os.environ, **lone(TMPDIR="/tmp")),  # without signals: SIGXFSZ is ignored
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)))
        ran = Ran(p.returncode, p.stdout, p.stderr)
        assert ran.code == 1 and not ran.out
        assert ran.err == (f"spantap: {site.url}/traces.jsonl: /tmp: File too large; TMPDIR names a directory with room for it\n")


def test_libcurl_is_loaded_when_it_is_needed():
    names = ("libcurl.so.4", "libcurl-gnutls.so.4")
    with Dir() as d, Site(shop()) as site:
        for name in names:
            d.write(name, b"")
        assert fetch("trace", shop(), LD_LIBRARY_PATH=d()).out == fetch("trace", "file://" + shop()).out
        err = fetch("trace", site.url, LD_LIBRARY_PATH=d(), expect=1).err
        assert err.startswith(f"spantap: {site.url}/traces.jsonl: URLs need libcurl: {names[0]} cannot be loaded ("), err
        assert err.endswith("); install the package libcurl4\n"), err


def test_the_other_libcurl():
    with contextlib.suppress(OSError), Dir() as d, Site(shop()) as site:
        ctypes.CDLL("libcurl-gnutls.so.4")
        d.write("libcurl.so.4", b"")
        assert fetch("trace", site.url, LD_LIBRARY_PATH=d()).out == fetch("trace", shop()).out
        err = fetch("trace", site.url + "/no", LD_LIBRARY_PATH=d(), expect=1).err
        assert err == f"spantap: {site.url}/no/traces.jsonl: {MISSING}\n", err
        return
    raise Skip("libcurl-gnutls.so.4 is not installed")


def test_usage():
    for args, words in ((["trace", "s3://bucket/run"], "http://, https:// or file://"), (["top", "ftp://box/"], "ftp:// is not supported"),
                        (["profile", "gopher://x", "1"], "not supported"), (["trace", "http://"], "wants HOST"),
                        (["trace", "file://box/out"], "file:///DIR"), (["trace", "http://box/" + "x" * 3000], "at most"),
                        (["top", "--follow", "http://box/"], "--follow wants a directory"),
                        (["trace", "--timeout", "0", "http://box/"], "a number from 1 to 3600"),
                        (["top", "--timeout", "x", "out"], "a number from 1 to 3600"), (["trace"], "a directory or a URL")):
        ran = fetch(*args, expect=2)
        assert words in ran.err and not ran.out, (args, ran.err)
    assert re.search(r"^  libcurl +\d+\.", run("version").out, re.M)


if __name__ == "__main__":
    sys.exit(main(globals()))

# SPDX-License-Identifier: Apache-2.0
"""The lab's servers: nginx and HAProxy as gateways, nginx before an application, Redis, MariaDB, PostgreSQL, dnsmasq."""

import os
import shutil
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # Debian's

NGINX = """
daemon off; master_process off; pid {d}/{name}.pid; error_log {d}/{name}.log;
events {{ worker_connections 256; }}
http {{
  upstream kept {{ server 10.3.0.2:80; keepalive 8; }}
  access_log off; client_body_temp_path {d}/{name}-b; proxy_temp_path {d}/{name}-p;
  fastcgi_temp_path {d}/{name}-f; uwsgi_temp_path {d}/{name}-u; scgi_temp_path {d}/{name}-s;
  proxy_buffers 64 8k; proxy_http_version 1.1; proxy_set_header Connection "";
  {servers}
}}
"""
# Answers that break off are passed on as they are: no second try hides a fault.
GATEWAY = """
  proxy_next_upstream off; proxy_set_header X-Request-ID $request_id; add_header X-Request-ID $request_id;
  server { listen 10.2.0.2:8080; listen 10.2.0.3:8080; location / { proxy_pass http://kept; } }
  server { listen 10.2.0.2:8082; listen 10.2.0.2:8084; listen 10.2.0.2:8085; location / { proxy_pass http://10.3.0.2:80; } }
"""
SERVICE = "server { listen 10.3.0.2:80; location / { proxy_pass http://127.0.0.1:9000; } }"
HAPROXY = """
global
  maxconn 256
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
frontend in
  bind 10.2.0.2:8081
  unique-id-format %[uuid()]
  http-request set-header X-Request-ID %[unique-id]
  http-response set-header X-Request-ID %[unique-id]
  default_backend out
backend out
  http-reuse never
  option httpclose
  server svc 10.3.0.2:80
"""


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def nginx(lab, where, servers):
    name = f"nginx-{where}"
    conf = write(os.path.join(lab.scratch, name + ".conf"), NGINX.format(d=lab.scratch, name=name, servers=servers))
    lab.start(where, "nginx", "-c", conf, "-e", os.path.join(lab.scratch, name + ".log"))


def mariadb(lab):
    data = os.path.join(lab.scratch, "mysql")
    subprocess.run(["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}",
                    "--auth-root-authentication-method=normal"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    init = write(os.path.join(lab.scratch, "init.sql"), "CREATE DATABASE shop;\nCREATE USER 'app'@'%' IDENTIFIED BY 'app';\n"
                                                        "GRANT ALL ON shop.* TO 'app'@'%';\n")
    lab.start("db", "mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={data}.sock", f"--pid-file={data}.pid",
              "--bind-address=10.4.0.2", "--port=3306", "--skip-name-resolve", f"--init-file={init}")


def postgresql(lab):
    """It refuses to run as root."""
    versions = "/usr/lib/postgresql"
    binaries = os.path.join(versions, sorted(os.listdir(versions))[-1], "bin")
    data = os.path.join(lab.scratch, "pg")
    os.mkdir(data)
    shutil.chown(data, "postgres")
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run([*as_user, os.path.join(binaries, "initdb"), "-D", data, "-A", "trust", "-U", "app", "--no-sync"],
                   stdout=subprocess.DEVNULL, check=True)
    with open(os.path.join(data, "pg_hba.conf"), "a", encoding="utf-8") as f:
        f.write("host all all 10.4.0.0/24 trust\n")
    lab.start("db", *as_user, os.path.join(binaries, "postgres"), "-D", data, "-c", "listen_addresses=10.4.0.2",
              "-c", f"unix_socket_directories={data}", "-c", "fsync=off")


def dns(lab, where, *options):
    lab.start(where, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces", "--user=root",
              "--pid-file=", *options)


def up(lab, sql):
    """All of them; the SQL databases, which take seconds to start, where they are wanted."""
    os.chmod(lab.scratch, 0o755)
    lab.inside("gw", "sysctl -qw net.ipv4.tcp_synack_retries=1")  # a handshake that fails does so in time
    if sql:
        mariadb(lab)
        postgresql(lab)
    lab.start("db", "redis-server", "--bind", "10.4.0.2", "--protected-mode", "no", "--save", "", "--dir", lab.scratch)
    dns(lab, "svc", "--listen-address=10.3.0.2", "--address=/shop.test/10.9.9.9")
    dns(lab, "gw", "--listen-address=10.2.0.2", "--server=10.3.0.2", "--cache-size=0")
    nginx(lab, "gw", GATEWAY)
    nginx(lab, "svc", SERVICE)
    lab.start("gw", "haproxy", "-db", "-f", write(os.path.join(lab.scratch, "haproxy.cfg"), HAPROXY))
    lab.start("gw", PYTHON, os.path.join(HERE, "deaf.py"), "10.2.0.2", "90")
    for port in [6379] + ([3306, 5432] if sql else []):
        lab.wait_port("db", port)
    if sql:
        time.sleep(1)  # MariaDB's first statements
    lab.start("svc", PYTHON, os.path.join(HERE, "service.py"), "9000", "10.4.0.2", *(["sql"] if sql else []))
    for where, port in (("svc", 9000), ("svc", 80), ("gw", 8080), ("gw", 8081), ("gw", 90), ("svc", 53), ("gw", 53)):
        lab.wait_port(where, port)

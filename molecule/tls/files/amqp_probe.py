# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of the broker for the scenario: prints JSON about what it saw, and ends with 1 where it was refused.

shake  TLS handshake only: protocol and certificate, with or without a server name.
once   the same, and a message through a queue of its own.
quiet  says nothing at all, not even TLS, and waits until the server hangs up.
hold   opens a connection without heartbeats, and sends nothing until `ask` tells it to send a message.
ask    lets a holding client send a message, and prints whether it came back and for how long it had been silent.
"""

import argparse
import json
import socket
import ssl
import sys
import time
from pathlib import Path

import amqp

AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
PASSWORD = Path("/opt/probe/password")
VERSIONS = {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def seen(sock):
    """What the TLS connection shows."""
    own = sock.getsockname()
    return {
        "certificate": ssl.DER_cert_to_PEM_cert(sock.getpeercert(True)),
        "serial": sock.getpeercert()["serialNumber"],
        "protocol": sock.version(),
        "address": own[0],
        "port": own[1],
    }


def shake(options):
    """Shake hands and leave; the certificate must be of a known authority."""
    context = ssl.create_default_context(cafile=AUTHORITIES)
    context.check_hostname = bool(options.server_name)
    if options.tls:
        # OpenSSL itself refuses the old ones at its usual level; here the server is to do it.
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = VERSIONS[options.tls]
    plain = socket.create_connection((options.address, options.port), timeout=10)
    with context.wrap_socket(plain, server_hostname=options.server_name) as sock:
        return seen(sock)


def quiet(options):
    """Wait for the end of a connection on which nobody says anything."""
    begin = time.monotonic()
    with socket.create_connection((options.address, options.port), timeout=25) as sock:
        return {"received": len(sock.recv(1)), "seconds": time.monotonic() - begin}


def connect(options):
    """Open a connection as Galaxy does: no server name unless one is given, no heartbeat."""
    tls = {"ca_certs": AUTHORITIES, "cert_reqs": ssl.CERT_REQUIRED}
    if options.server_name:
        tls["server_hostname"] = options.server_name
    connection = amqp.Connection(
        f"{options.address}:{options.port}",
        userid="galaxy",
        password=PASSWORD.read_text(encoding="utf-8"),
        virtual_host="galaxy",
        ssl=tls,
        heartbeat=0,
        connect_timeout=10,
        confirm_publish=True,
        client_properties={"connection_name": options.name},
    )
    connection.connect()
    channel = connection.channel()
    queue = channel.queue_declare(exclusive=True).queue
    return connection, channel, queue


def round_trip(channel, queue):
    """Send a message, wait for the broker's confirmation, and take it back."""
    text = str(time.time())
    channel.basic_publish(amqp.Message(text), routing_key=queue)
    message = channel.basic_get(queue, no_ack=True)
    return message is not None and message.body == text


def once(options):
    """Connect, send, leave."""
    connection, channel, queue = connect(options)
    found = {**seen(connection.transport.sock), "ok": round_trip(channel, queue)}
    connection.close()
    return found


def hold(options):
    """Connect and be silent until asked, for ever."""
    folder = Path(options.folder)
    folder.mkdir()
    connection, channel, queue = connect(options)
    found, last = seen(connection.transport.sock), time.monotonic()
    while True:
        if (folder / "ask").exists():
            silent = time.monotonic() - last
            try:
                answer = {**found, "ok": round_trip(channel, queue), "silent_seconds": silent}
            except (OSError, amqp.AMQPError) as error:
                answer = {**found, "ok": False, "error": repr(error), "silent_seconds": silent}
            last = time.monotonic()
            (folder / "ask").unlink()
            (folder / "new").write_text(json.dumps(answer), encoding="utf-8")
            (folder / "new").rename(folder / "answer")
        time.sleep(0.1)


def ask(options):
    """Have the holding client send a message."""
    folder, end = Path(options.folder), time.monotonic() + 30
    while not folder.is_dir() and time.monotonic() < end:
        time.sleep(0.1)
    (folder / "answer").unlink(missing_ok=True)
    (folder / "ask").touch()
    while not (folder / "answer").exists():
        if time.monotonic() > end:
            sys.exit("the holding client gives no answer")
        time.sleep(0.1)
    return json.loads((folder / "answer").read_text(encoding="utf-8"))


def main():
    """Run one of the commands."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["shake", "once", "quiet", "hold", "ask"])
    parser.add_argument("--address")
    parser.add_argument("--port", type=int, default=5671)
    parser.add_argument("--server-name")
    parser.add_argument("--tls", choices=list(VERSIONS))
    parser.add_argument("--name", default="probe")
    parser.add_argument("--folder")
    options = parser.parse_args()
    try:
        found = globals()[options.command](options)
    except (OSError, amqp.AMQPError) as error:
        found = {"ok": False, "error": repr(error)}
    print(json.dumps(found))
    sys.exit("error" in found)


if __name__ == "__main__":
    main()

"""Open an AMQPS connection to HOST, verified by the system's store, and end when the other side closes it."""

import socket
import ssl
import sys

with ssl.create_default_context().wrap_socket(
    socket.create_connection((sys.argv[1], 5671), 10), server_hostname=sys.argv[1]
) as peer:
    peer.sendall(b"AMQP\0\0\x09\x01")
    assert peer.recv(7)[:1] == b"\x01", "the broker did not greet"
    open("/run/hold.ready", "w").close()
    peer.settimeout(None)
    while peer.recv(4096):
        pass

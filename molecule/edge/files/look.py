"""Print issuer, names and serial number of the certificate of HOST:PORT; fail if FILE does not verify it.

look.py HOST PORT FILE [SNI]: without SNI no name is sent and none is checked.
"""

import json
import socket
import ssl
import sys

host, port, cafile, *sni = sys.argv[1:]
context = ssl.create_default_context(cafile=cafile)
context.check_hostname = bool(sni)
connection = socket.create_connection((host, int(port)), 10)
with context.wrap_socket(connection, server_hostname=sni[0] if sni else None) as peer:
    found = peer.getpeercert()
issuer = dict(pair for part in found["issuer"] for pair in part)
names = [name for _kind, name in found["subjectAltName"]]
print(json.dumps({"issuer": issuer["commonName"], "names": names, "serial": found["serialNumber"]}))

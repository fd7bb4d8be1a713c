"""Fixtures for tests of modules: run one in this process, a worker without a broker, certificates."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

import pytest
from ansible.module_utils.testing import patch_module_args


@pytest.fixture
def run(capsys):
    """Run a module with arguments in this process and return what it printed."""

    def run_module(module, check=False, **arguments):
        if check:
            arguments["_ansible_check_mode"] = True
        with patch_module_args(arguments), pytest.raises(SystemExit) as end:
            module.main()
        result = json.loads(capsys.readouterr().out)
        assert end.value.code == (1 if result.get("failed") else 0)
        return result

    return run_module


@pytest.fixture(scope="module")
def memory_worker(request):
    """A worker in this process on kombu's memory transport. Returns (broker_url, result_backend, node)."""
    celery = pytest.importorskip("celery", reason="Celery is not installed")
    from celery.contrib.testing.worker import start_worker
    from kombu.transport.virtual import Transport

    # The transport looks for messages once a second by default.
    patch = pytest.MonkeyPatch()
    patch.setattr(Transport, "polling_interval", 0.01)
    app = celery.Celery("memory", broker="memory://", backend="cache+memory://", set_as_current=False)

    @app.task(name="probe.add", shared=False)
    def add(a, b):
        return a + b

    @app.task(name="probe.fail", shared=False)
    def fail():
        raise ValueError("the database is away")

    # One node for each file of tests: stopping one takes four seconds, and the transport's state is the process's.
    name = f"memory-{request.module.__name__.rpartition('.')[2]}@test"
    queues = ["celery", "galaxy.internal"]
    with start_worker(app, hostname=name, perform_ping_check=False, queues=queues, task_events=True, pool="solo"):
        yield "memory://", "cache+memory://", name
    patch.undo()


def _serve(handle):
    """Listen on a loopback port and hand each connection to a function in a thread. Returns (port, close)."""
    server = socket.create_server(("127.0.0.1", 0))
    held = []

    def loop():
        with contextlib.suppress(OSError):
            while True:
                peer, _address = server.accept()
                held.append(peer)
                threading.Thread(target=handle, args=(peer,), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()

    def close():
        server.close()
        for peer in held:
            peer.close()

    return server.getsockname()[1], close


@pytest.fixture
def silent_port():
    """A port that accepts connections and never says a word."""
    port, close = _serve(lambda _peer: None)
    yield port
    close()


@pytest.fixture
def closing_port():
    """A port that ends each connection at once."""
    port, close = _serve(lambda peer: peer.close())
    yield port
    close()


@pytest.fixture
def cut_port(broker_url):
    """A way to RabbitMQ that cuts connections. Returns a function of (bytes, times): the URL, cut so often at these."""
    broker = urlsplit(broker_url)
    ends = []

    def start(at, times):
        left = [times]

        def pump(source, sink, look):
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    if look and at in data and left[0]:
                        left[0] -= 1
                        break
                    sink.sendall(data)
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        def handle(peer):
            upstream = socket.create_connection((broker.hostname, broker.port))
            threading.Thread(target=pump, args=(upstream, peer, False), daemon=True).start()
            pump(peer, upstream, True)
            upstream.close()

        port, close = _serve(handle)
        ends.append(close)
        return broker._replace(netloc=f"{broker.netloc.rpartition('@')[0]}@127.0.0.1:{port}").geturl()

    yield start
    for close in ends:
        close()


@pytest.fixture
def refused_port():
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    yield free


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A CA and server certificates by name: good (127.0.0.1), other (other.example.org), old (expired)."""
    pytest.importorskip("cryptography", reason="cryptography, which makes the certificates, is not installed")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("tls")
    now = datetime.datetime.now(datetime.timezone.utc)
    authority = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])

    def build(name, key, extension, critical, end, number):
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(number)
            .not_valid_before(now - datetime.timedelta(days=9))
            .not_valid_after(now + end)
            .add_extension(extension, critical)
            .sign(authority, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    later = datetime.timedelta(days=9, hours=1)
    root = build("test authority", authority, x509.BasicConstraints(True, None), True, later, 1)
    (folder / "ca.pem").write_bytes(root)
    made = {"ca": str(folder / "ca.pem")}
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    for number, (name, alternative, end) in enumerate(
        [
            ("good", loopback, later),
            ("other", x509.DNSName("other.example.org"), later),
            ("old", loopback, -datetime.timedelta(days=1)),
        ],
        start=2,
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        certificate = build(name, key, x509.SubjectAlternativeName([alternative]), False, end, number)
        (folder / f"{name}.pem").write_bytes(secret + certificate)
        made[name] = str(folder / f"{name}.pem")
    return made


@pytest.fixture
def tls_port(certificates):
    """Start a TLS server with one of the certificates. After the handshake it relays to a port, or says nothing."""
    closers = []

    def start(name, relay_to=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates[name])

        def pump(source, target):
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    target.sendall(data)

        def handle(peer):
            with contextlib.suppress(OSError):
                peer = context.wrap_socket(peer, server_side=True)
                if relay_to is None:
                    time.sleep(60)
                    return
                target = socket.create_connection(relay_to)
                threading.Thread(target=pump, args=(target, peer), daemon=True).start()
                pump(peer, target)
                peer.unwrap()  # else the client waits for this goodbye

        port, close = _serve(handle)
        closers.append(close)
        return port

    yield start
    for close in closers:
        close()

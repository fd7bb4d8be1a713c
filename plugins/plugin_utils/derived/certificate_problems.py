# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that tells what is wrong with a server's certificate and its key."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
except ImportError:
    x509 = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

CERTIFICATE = "-----BEGIN CERTIFICATE-----"
# OpenSSL's older form of an encrypted key has no other mark.
ENCRYPTED = ("ENCRYPTED PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED")


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "without a subject"


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _chain(text: object) -> tuple[list[x509.Certificate], list[str]]:
    """Return the certificates of a text and the problems that keep it from being read."""
    if not isinstance(text, str) or CERTIFICATE not in text:
        return [], [
            f"The certificate holds no {CERTIFICATE}. Give the text, not a path: lookup('ansible.builtin.file', path) reads one."
        ]  # fmt: skip
    chain = []
    for number, part in enumerate(text.split(CERTIFICATE)[1:], start=1):
        try:
            chain.append(x509.load_pem_x509_certificate((CERTIFICATE + part).encode()))
        except ValueError as error:
            reason = str(error).partition(". ")[0].rstrip(".")
            return [], [f"Certificate {number} in the text cannot be read ({reason}). Copy it again, whole."]
    return chain, []


def _key(text: object) -> tuple[PrivateKeyTypes | None, list[str]]:
    """Return the private key of a text and the problems that keep it from being read."""
    if not isinstance(text, str) or "PRIVATE KEY-----" not in text:
        return None, [
            "The private key holds no -----BEGIN PRIVATE KEY-----. Give the text, not a path: "
            "lookup('ansible.builtin.file', path) reads one."
        ]
    if any(mark in text for mark in ENCRYPTED):
        return None, ["The private key is encrypted. Remove its passphrase: openssl pkey -in FILE -out NEW."]
    try:
        return load_pem_private_key(text.encode(), None), []
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The error's text may show a part of what was read.
        return None, ["The private key cannot be read. Copy it again, whole, from -----BEGIN to -----END."]


def _covers(certificate: x509.Certificate, name: str) -> tuple[bool, list[str]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False, []
    known = [str(value) for kind in (x509.DNSName, x509.IPAddress) for value in names.get_values_for_type(kind)]
    try:
        return ipaddress.ip_address(name) in names.get_values_for_type(x509.IPAddress), known
    except ValueError:
        pass
    wanted = name.rstrip(".").lower()
    dns = [value.lower() for value in names.get_values_for_type(x509.DNSName)]
    # A wildcard stands for one label.
    return wanted in dns or "*." + wanted.partition(".")[2] in dns, known


def _validity(chain: list[x509.Certificate], now: datetime.datetime) -> Iterator[str]:
    for certificate in chain:
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if now > end:
            yield f"The certificate {_name(certificate)} expired on {end:%Y-%m-%d %H:%M} UTC. Renew it."
        elif now < start:
            yield (
                f"The certificate {_name(certificate)} is valid from {start:%Y-%m-%d %H:%M} UTC only. "
                "Wait, or look at the controller's clock."
            )


def _order(chain: list[x509.Certificate]) -> Iterator[str]:
    for certificate, issuer in zip(chain, chain[1:]):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            yield (
                f"The certificate {_name(certificate)} is followed by {_name(issuer)}, which did not sign it. "
                "Put the server's certificate first, then each one's issuer."
            )
        except UnsupportedAlgorithm:
            pass


def _contexts(certificate: str, private_key: str, anchor: x509.Certificate) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the TLS of a server with a certificate, and that of a client of Python that trusts the last one of its chain."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Another server may show what OpenSSL itself would not.
    server.set_ciphers("ALL:@SECLEVEL=0")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("certificate", certificate), ("key", private_key)):
            with open(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as stream:
                stream.write(text)
        server.load_cert_chain(os.path.join(folder, "certificate"), os.path.join(folder, "key"))
    client.check_hostname = False  # the names have been looked at
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cadata=anchor.public_bytes(Encoding.PEM).decode())
    return server, client


def _handshake(certificate: str, private_key: str, chain: list[x509.Certificate]) -> str | None:
    """Return why a client of Python refuses the certificate, or nothing."""
    try:
        server, client = _contexts(certificate, private_key, chain[-1])
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        ends = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
        waiting = list(ends)
        # Each end writes what the other one reads next; a handshake takes two or three turns.
        for _turn in range(9):
            for end in list(waiting):
                try:
                    end.do_handshake()
                    waiting.remove(end)
                except ssl.SSLWantReadError:
                    pass
    except ssl.SSLError as error:
        return getattr(error, "verify_message", None) or error.reason or type(error).__name__
    return None


def certificate_problems(certificate: Any, private_key: Any, names: Iterable[str] = ()) -> list[str]:
    """Return what is wrong with a certificate and its key.

    :param certificate: PEM text of the certificate and its chain.
    :param private_key: PEM text of the key.
    :param names: host names and addresses that the certificate must cover.
    :returns: a list of sentences, empty where nothing is wrong.
    :raises AnsibleFilterError: where cryptography is missing or C(names) is no list of strings.
    """
    if x509 is None or not hasattr(x509.Certificate, "not_valid_after_utc"):
        raise AnsibleFilterError(
            "certificate_problems: the Python package cryptography, 42 or newer, is missing on the controller. "
            "Install the collection's requirements.txt there."
        )
    if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
        raise AnsibleFilterError(
            f"certificate_problems: names is {names!r}, not a list of names. Give ['mq.example.org']."
        )
    chain, problems = _chain(certificate)
    key, key_problems = _key(private_key)
    problems = problems + key_problems
    if not chain:
        return problems
    problems += _validity(chain, datetime.datetime.now(datetime.timezone.utc))
    problems += _order(chain)
    for name in dict.fromkeys(names):
        covered, known = _covers(chain[0], name)
        if not covered:
            problems.append(
                f"The certificate {_name(chain[0])} does not cover {name}; it covers {', '.join(known) or 'no name'} "
                "(subjectAltName; clients pass over the common name). Use one that does, or correct the name."
            )
    if key is not None and _public(key.public_key()) != _public(chain[0].public_key()):
        owner = [_name(other) for other in chain[1:] if _public(other.public_key()) == _public(key.public_key())]
        problems.append(
            f"The private key is that of {owner[0]}, which stands later in the text. Put the server's certificate first."
            if owner
            else f"The private key does not belong to the certificate {_name(chain[0])}. Give both of the same request."
        )
    if not problems and (reason := _handshake(certificate, private_key, chain)):
        problems.append(
            f"The certificate {_name(chain[0])} is refused by Python, which Galaxy and its workers use ({reason}). Use one for servers, with a key "
            "of RSA with 2048 bits or more, or of the curve P-256, signed with SHA-256."
        )
    return problems

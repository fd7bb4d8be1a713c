# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unit tests of the filter certificate_problems."""

from __future__ import annotations

import datetime
import ipaddress

import pytest
from ansible.errors import AnsibleFilterError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils.derived import certificate_problems as plugin

check = plugin.certificate_problems
NAMES = ["mq.example.org", "mq-admin.example.org"]
NOW = datetime.datetime.now(datetime.timezone.utc)
PEM = serialization.Encoding.PEM


def subject(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def secret(key, form="PKCS8", passphrase=None):
    encryption = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(PEM, getattr(serialization.PrivateFormat, form), encryption).decode()


class Authority:
    """One that signs."""

    def __init__(self, name, parent=None):
        self.key, self.name, self.parent = ec.generate_private_key(ec.SECP256R1()), name, parent
        self.text = (parent or self).sign(self.key, name, authority=True)

    def sign(self, key, name, names=(), days=(-1, 30), authority=False, extensions=()):
        """Return the PEM text of a certificate that is valid from and to so many days from now."""
        builder = (
            x509.CertificateBuilder(subject(self.name), subject(name), key.public_key(), x509.random_serial_number())
            .not_valid_before(NOW + datetime.timedelta(days=days[0]))
            .not_valid_after(NOW + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(authority, None), True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([alternative(n) for n in names]), False)
        for value, critical in extensions:
            builder = builder.add_extension(value, critical)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(PEM).decode()


def alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


ROOT = Authority("root")
MIDDLE = Authority("middle", ROOT)
KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
GOOD = MIDDLE.sign(KEY, "mq", NAMES)
SECRET = secret(KEY)


@pytest.mark.parametrize("chain", [GOOD, GOOD + MIDDLE.text, GOOD + MIDDLE.text + ROOT.text, "text\n" + GOOD + "\n\n"])
@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
def test_good(chain, form):
    assert check(chain, secret(KEY, form), NAMES) == []


def test_good_with_rsa():
    key = rsa.generate_private_key(65537, 2048)
    assert check(MIDDLE.sign(key, "mq", NAMES), secret(key), NAMES) == []


@pytest.mark.parametrize(
    ("known", "wanted", "covered"),
    [
        (["*.example.org"], "mq.example.org", True),
        (["*.example.org"], "a.mq.example.org", False),
        (["*.example.org"], "example.org", False),
        (["MQ.example.org"], "mq.EXAMPLE.org.", True),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.8", False),
        (["2001:db8::1"], "2001:db8:0::1", True),
        (["mq.example.org"], "192.0.2.7", False),
        ([], "mq", False),
    ],
)
def test_names(known, wanted, covered):
    problems = check(MIDDLE.sign(KEY, "mq", known), SECRET, [wanted])
    assert bool(problems) is not covered
    assert all(f"does not cover {wanted}; it covers {', '.join(known) or 'no name'} (" in text for text in problems)


def cut(text):
    """A text of which a line was not copied."""
    lines = text.splitlines()
    return "\n".join(lines[:2] + lines[3:])


WRONG = {
    "expired": (MIDDLE.sign(KEY, "mq", NAMES, (-9, -1)), SECRET, "The certificate CN=mq expired on "),
    "not yet valid": (MIDDLE.sign(KEY, "mq", NAMES, (1, 9)), SECRET, "The certificate CN=mq is valid from "),
    "expired issuer": (
        GOOD + ROOT.sign(MIDDLE.key, "middle", days=(-9, -1), authority=True),
        SECRET,
        "The certificate CN=middle expired on ",
    ),
    "no name": (MIDDLE.sign(KEY, "mq.example.org"), SECRET, "does not cover mq.example.org; it covers no name"),
    "one name missing": (MIDDLE.sign(KEY, "mq", NAMES[:1]), SECRET, "does not cover mq-admin.example.org"),
    "key of another certificate": (GOOD, secret(OTHER), "The private key does not belong to the certificate CN=mq"),
    "encrypted key": (GOOD, secret(KEY, "PKCS8", b"word"), "The private key is encrypted. Remove its passphrase"),
    "encrypted key of the older form": (
        GOOD,
        secret(KEY, "TraditionalOpenSSL", b"word"),
        "The private key is encrypted",
    ),
    "cut key": (GOOD, cut(SECRET), "The private key cannot be read."),
    "path of the key": (GOOD, "/etc/ssl/mq.key", "The private key holds no -----BEGIN PRIVATE KEY-----."),
    "certificate for the key": (GOOD, GOOD, "The private key holds no -----BEGIN PRIVATE KEY-----."),
    "no key": (GOOD, None, "The private key holds no -----BEGIN PRIVATE KEY-----."),
    "garbage": ("garbage", SECRET, "The certificate holds no -----BEGIN CERTIFICATE-----. Give the text, not a path"),
    "no text": (None, SECRET, "The certificate holds no -----BEGIN CERTIFICATE-----."),
    "cut certificate": (cut(GOOD), SECRET, "Certificate 1 in the text cannot be read ("),
    "no certificate inside": (
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        SECRET,
        "Certificate 1 in the text cannot be read (",
    ),
    "cut chain": (GOOD + cut(MIDDLE.text), SECRET, "Certificate 2 in the text cannot be read ("),
    "an intermediate one is missing": (GOOD + ROOT.text, SECRET, "CN=mq is followed by CN=root, which did not sign it"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case):
    certificate, key, expected = WRONG[case]
    problems = check(certificate, key, NAMES)
    assert len([problem for problem in problems if expected in problem]) == 1
    assert len(problems) == (2 if case == "no name" else 1)
    assert all(line not in str(problems) for line in str(key).splitlines()[1:-1] if line)


SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 what Python refuses
SIGNS = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
REFUSED = {
    "a short key": (SHORT, (), "key too weak"),
    "a certificate for clients": (KEY, [(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)], "purpose"),
    "a key that may only sign": (KEY, [(SIGNS, True)], "purpose"),
    "an extension that nobody knows": (
        KEY,
        [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)],
        "critical extension",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("chain", ["", MIDDLE.text])
def test_what_python_refuses(case, chain):
    key, extensions, reason = REFUSED[case]
    (problem,) = check(MIDDLE.sign(key, "mq", NAMES, extensions=extensions) + chain, secret(key), NAMES)
    assert "The certificate CN=mq is refused by Python" in problem
    assert reason in problem and "Use one for servers" in problem


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(65537, 3072),
    ],
)
def test_what_python_takes(key):
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    assert check(MIDDLE.sign(key, "mq", NAMES, extensions=[(usage, False)]) + MIDDLE.text, secret(key), NAMES) == []


def test_chain_in_the_wrong_order():
    problems = check(ROOT.text + MIDDLE.text + GOOD, SECRET, [])
    assert "CN=root is followed by CN=middle, which did not sign it. Put the server's certificate first" in problems[0]
    assert "The private key is that of CN=mq, which stands later in the text" in problems[-1]


def test_an_authority_of_the_same_name_is_another_one():
    assert "which did not sign it" in check(GOOD + Authority("middle").text, SECRET, [])[0]


def test_all_at_once():
    problems = check(MIDDLE.sign(KEY, "mq", ["other"], (-9, -1)), secret(OTHER), NAMES)
    assert len(problems) == 4


@pytest.mark.parametrize("names", ["mq.example.org", [""], [None]])
def test_wrong_names(names):
    with pytest.raises(AnsibleFilterError, match="not a list of names"):
        check(GOOD, SECRET, names)


def test_without_cryptography(monkeypatch):
    monkeypatch.setattr(plugin, "x509", None)
    with pytest.raises(AnsibleFilterError, match="cryptography, 42 or newer, is missing on the controller"):
        check(GOOD, SECRET)

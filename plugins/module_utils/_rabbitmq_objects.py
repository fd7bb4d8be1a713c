# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with lists of vhosts, users and policies, seen from the lists alone. Private to the collection."""
from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

# A vhost, a user or a policy as the operator gives it.
Object = dict[str, Any]
Name = TypeVar("Name", str, "tuple[str, ...]")

MAX_NAME_BYTES = 255  # of AMQP's short strings
# What RabbitMQ knows besides; a tag that is none of these gives no rights (rabbit_mgmt documentation).
TAGS = ("administrator", "impersonator", "management", "monitoring", "policymaker")
# Times and numbers: a string is taken by no broker, and "1h" by nobody.
WHOLE_NUMBERS = ("delivery-limit", "expires", "max-length", "max-length-bytes", "message-ttl", "consumer-timeout")
RIGHTS = ("configure", "write", "read")
# Mistakes in every dialect. The broker's dialect (PCRE) has more than Python's, so the broker checks the rest.
PATTERN_MISTAKES = (
    "bad escape (end of pattern)",
    "missing ), unterminated subpattern",
    "nothing to repeat",
    "unbalanced parenthesis",
    "unterminated character set",
)


def repeated(names: Sequence[Name]) -> list[Name]:
    """Return each of the names that is there more than once."""
    return sorted({name for name in names if names.count(name) > 1})


def pattern_problem(pattern: str) -> str | None:
    """Return what is wrong with a regular expression, or None."""
    try:
        re.compile(pattern)
    except re.error as error:
        if error.msg in PATTERN_MISTAKES:
            return f"{pattern!r} is no regular expression ({error})"
    return None


def name_problems(what: str, name: str) -> list[str]:
    """Return what is wrong with a name of any kind."""
    if not name.strip():
        return [f"{what}: the name is empty."]
    if len(name.encode()) > MAX_NAME_BYTES:
        return [f"{what}: the name is longer than {MAX_NAME_BYTES} bytes."]
    if name != name.strip() or not name.isprintable():
        return [f"{what}: the name begins or ends with a space, or holds a character that does not show."]
    return []


def limit_problems(kind: str, items: list[Object]) -> list[str]:
    """Return what is wrong with the limits of vhosts or users."""
    return [
        f"{kind}: {item['name']}: limits: {limit} is {value}; expected 0 or more. Leave it out for no limit."
        for item in items
        for limit, value in sorted((item.get("limits") or {}).items())
        if value is not None and int(value) < 0
    ]


def vhost_problem(what: str, vhost: str, vhosts: Collection[str]) -> list[str]:
    """Return the problem of something on a vhost that there is not."""
    if vhost in vhosts:
        return []
    return [f"{what}: there is no vhost {vhost!r}. List it under vhosts, or correct the name."]


def user_problems(user: Object, vhosts: Collection[str]) -> list[str]:
    """Return what is wrong with one user."""
    what = f"users: {user['name']}"
    problems = name_problems(what, user["name"])
    password = user.get("password")
    if password == "":
        problems.append(f"{what}: the password is empty. Give one, or leave the key out.")
    elif password is not None and (len(password) < 8 or password.lower() == user["name"].lower()):
        problems.append(f"{what}: the password is too easy: fewer than 8 characters, or the name itself. Make a random one.")
    for tag in user.get("tags") or []:
        if tag not in TAGS:
            problems.append(f"{what}: the tag {tag!r} gives no rights. Known tags: {', '.join(TAGS)}.")
    for kind, keys in (("permissions", ("vhost",)), ("topic_permissions", ("vhost", "exchange"))):
        places = [tuple(item[key] for key in keys) for item in user.get(kind) or []]
        problems += [
            f"{what}: {kind}: {' and '.join(map(repr, place))} is listed twice." for place in repeated(places)
        ]
        for item in user.get(kind) or []:
            problems += vhost_problem(f"{what}: {kind}", item["vhost"], vhosts)
            faults = [(right, pattern_problem(item[right])) for right in RIGHTS if item.get(right)]
            problems += [f"{what}: {kind}: {right}: {fault}. Correct it." for right, fault in faults if fault]
    return problems


def policy_problems(policy: Object, vhosts: Collection[str]) -> list[str]:
    """Return what is wrong with one policy."""
    what = f"policies: {policy['name']}"
    problems = name_problems(what, policy["name"]) + vhost_problem(what, policy["vhost"], vhosts)
    if policy.get("pattern") is None or not policy.get("definition"):
        return [*problems, f"{what}: needs a pattern and a definition."]
    fault = pattern_problem(policy["pattern"])
    if fault:
        problems.append(f"{what}: pattern: {fault}. Correct it.")
    for key, value in policy["definition"].items():
        if key in WHOLE_NUMBERS and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            problems.append(f"{what}: {key} is {value!r}; expected a whole number, times in milliseconds, without quotes.")
    return problems


def list_problems(
    vhosts: list[Object], users: list[Object], policies: list[Object], known_vhosts: Iterable[str] = ()
) -> list[str]:
    """Return what is wrong with the lists. Vhosts that the broker has already may be given as known.

    Each entry is a dictionary in the shape of the module C(rabbitmq_definitions); keys that are optional there may be
    left out. No sentence holds a password.
    """
    problems = []
    for kind, key, items in (("vhosts", "vhost", vhosts), ("users", "user", users)):
        names = [item["name"] for item in items]
        problems += [f"{kind}: the {key} {name!r} is listed twice." for name in repeated(names)]
        problems += limit_problems(kind, items)
    places = [(item["vhost"], item["name"]) for item in policies]
    problems += [f"policies: {name!r} on {vhost!r} is listed twice." for vhost, name in repeated(places)]
    there = set(known_vhosts)
    for vhost in vhosts:
        problems += name_problems(f"vhosts: {vhost['name']}", vhost["name"])
        (there.discard if vhost.get("state") == "absent" else there.add)(vhost["name"])
    for user in users:
        if user.get("state") != "absent":
            problems += user_problems(user, there)
    for policy in policies:
        if policy.get("state") != "absent":
            problems += policy_problems(policy, there)
    return problems


def declared_problems(
    queues: list[Object], exchanges: list[Object], bindings: list[Object], vhosts: Collection[str]
) -> list[str]:
    """Return what is wrong with lists of queues, exchanges and bindings, each with its vhost.

    :param vhosts: the names of the vhosts that there will be.
    """
    problems = []
    for kind, items in (("queues", queues), ("exchanges", exchanges)):
        places = [(item["vhost"], item["name"]) for item in items]
        problems += [f"{kind}: {name!r} on {vhost!r} is listed twice." for vhost, name in repeated(places)]
        for item in items:
            what = f"{kind}: {item['name']}"
            problems += name_problems(what, item["name"]) + vhost_problem(what, item["vhost"], vhosts)
            if item["name"].startswith("amq."):
                problems.append(f"{what}: names that begin with 'amq.' are the broker's own. Choose another one.")
    ends = {
        "queue": {(item["vhost"], item["name"]) for item in queues},
        "exchange": {(item["vhost"], item["name"]) for item in exchanges},
    }
    for item in bindings:
        what = f"bindings: {item['source']} to {item['destination']}"
        problems += vhost_problem(what, item["vhost"], vhosts)
        for kind, name in (("exchange", item["source"]), (item["destination_type"], item["destination"])):
            own = kind == "exchange" and name.startswith("amq.")
            if not own and (item["vhost"], name) not in ends[kind]:
                problems.append(f"{what}: there is no {kind} {name!r} on {item['vhost']!r}. List it under {kind}s, or correct the name.")
    return problems

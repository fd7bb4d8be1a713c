#!/usr/bin/python
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring the vhosts, users, permissions, policies and limits of a broker to the wanted state."""
from __future__ import annotations

DOCUMENTATION = r"""
---
module: rabbitmq_definitions
short_description: Bring vhosts, users, permissions, policies and limits of RabbitMQ to the wanted state
version_added: "1.0.0"
author:
  - usegalaxy.eu (@usegalaxy-eu)
description:
  - Reads the broker's objects through the management HTTP API, compares them with the wanted ones, and changes only
    the differences. All names are checked before the first change.
  - The modules C(rabbitmq_user), C(rabbitmq_vhost) and C(rabbitmq_policy) of C(community.rabbitmq) can use the same API since
    version 1.6. They manage one object in each task, and a user without its limits. C(rabbitmq_user) without C(login_host)
    runs C(rabbitmqctl), which is inside the container of the broker, with the password as an argument.
  - A password is compared without a login, by hashing the wanted one with the salt of the broker's hash. A changed
    password is set in place as a new hash, so the user, its permissions and its connections stay.
  - A listed user gets exactly the listed permissions. Others are removed unless O(users[].other_permissions=kept).
    Users, vhosts and policies that are not listed do not change.
  - A new vhost has only the listed permissions. The broker gives the creating user full permission on it, and the
    module removes it.
  - New objects come first (vhosts, users, permissions, policies, limits), removals last, so that no user loses a
    right during the run.
options:
  vhosts:
    description: The vhosts.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      default_queue_type:
        description:
          - The type of queues that are declared without one. Without this option it does not change.
          - RabbitMQ 3.10 can set it only when the vhost is created. The module fails if the broker does not accept
            it.
        type: str
        choices: [classic, quorum, stream]
      limits:
        description: >-
          Limits, exactly these. Without this option they do not change. An empty dictionary removes all of them.
        type: dict
        suboptions:
          max_connections:
            description: Number of connections that may be open at the same time.
            type: int
          max_queues:
            description: Number of queues that the vhost may have.
            type: int
      state:
        description: Whether it exists. V(absent) removes it with all its queues and messages.
        type: str
        choices: [present, absent]
        default: present
  users:
    description: The users.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      password:
        description:
          - The password. Without one the hash of an existing user stays, and a new user cannot log in with a password.
        type: str
      tags:
        description: Exactly these tags, for example C(management), C(monitoring), C(administrator).
        type: list
        elements: str
        default: []
      permissions:
        description: Permissions, exactly these, one entry for each vhost. Others are removed.
        type: list
        elements: dict
        default: []
        suboptions:
          vhost:
            description: The vhost. It must exist or be listed.
            type: str
            required: true
          configure:
            description: Regular expression of the names that the user may declare and delete. Empty means none.
            type: str
            default: ''
          write:
            description: Regular expression of the names that the user may write to. Empty means none.
            type: str
            default: ''
          read:
            description: Regular expression of the names that the user may read from. Empty means none.
            type: str
            default: ''
      other_permissions:
        description: What becomes of permissions on vhosts that O(users[].permissions) does not list.
        type: str
        choices: [removed, kept]
        default: removed
      topic_permissions:
        description:
          - Topic permissions, exactly these. Without this option they do not change. An empty list means no
            restriction.
        type: list
        elements: dict
        suboptions:
          vhost:
            description: The vhost. It must exist or be listed.
            type: str
            required: true
          exchange:
            description: The topic exchange. For RabbitMQ 4.3 and later it must exist.
            type: str
            required: true
          write:
            description: Regular expression of the routing keys that the user may publish with.
            type: str
            default: ''
          read:
            description: Regular expression of the routing keys that the user may bind with.
            type: str
            default: ''
      limits:
        description: >-
          Limits, exactly these. Without this option they do not change. An empty dictionary removes all of them.
        type: dict
        suboptions:
          max_connections:
            description: Number of connections that the user may have open at the same time.
            type: int
          max_channels:
            description: Number of channels that the user may have open at the same time.
            type: int
      state:
        description: Whether the user exists.
        type: str
        choices: [present, absent]
        default: present
  policies:
    description: The policies.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name.
        type: str
        required: true
      vhost:
        description: The vhost. It must exist or be listed.
        type: str
        required: true
      pattern:
        description: Regular expression of the names that the policy applies to. Required unless the policy is absent.
        type: str
      apply_to:
        description: What the policy applies to, V(all), V(queues), V(exchanges), or a newer broker's V(quorum_queues) etc.
        type: str
        default: all
      priority:
        description: If several policies match, the one with the highest priority applies.
        type: int
        default: 0
      definition:
        description: The settings, for example C(expires) in milliseconds. Required unless the policy is absent.
        type: dict
      state:
        description: Whether the policy exists.
        type: str
        choices: [present, absent]
        default: present
extends_documentation_fragment:
  - usegalaxy_eu.celery.rabbitmq_management
attributes:
  check_mode:
    description: Reports exactly the changes that a run would make.
    support: full
  diff_mode:
    description: Shows the objects that change. A changed password is reported, never shown.
    support: full
"""

EXAMPLES = r"""
- name: Configure | Bring the broker's objects to the wanted state
  usegalaxy_eu.celery.rabbitmq_definitions:
    username: admin
    password: "{{ rabbitmq_admin_password }}"
    vhosts:
      - name: galaxy
        limits: {max_connections: 2000}
    users:
      - name: galaxy
        password: "{{ galaxy_amqp_password }}"
        permissions:
          - {vhost: galaxy, configure: '.*', write: '.*', read: '.*'}
      - name: telegraf
        password: "{{ telegraf_amqp_password }}"
        tags: [monitoring]
      - name: guest
        state: absent
    policies:
      - name: control-expires
        vhost: galaxy
        pattern: '^control\.'
        apply_to: queues
        definition: {expires: 86400000}
  no_log: true
"""

RETURN = r"""
changes:
  description:
    - The changes in order, or in check mode those that a run would make. No entry contains a secret.
    - On failure, the changes before it.
  returned: always
  type: list
  elements: str
  sample:
    - vhost galaxy created
    - "user galaxy: password"
    - "user flower: permission on galaxy removed"
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._rabbitmq_management import (
    CONNECTION,
    Management,
    ManagementError,
    path_of,
)
from ansible_collections.usegalaxy_eu.celery.plugins.module_utils._rabbitmq_objects import list_problems

ALGORITHMS = {"rabbit_password_hashing_sha256": hashlib.sha256, "rabbit_password_hashing_sha512": hashlib.sha512}
SALT_BYTES = 4


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Return the hash of a password as the broker keeps it (SHA-256)."""
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def password_matches(user: dict[str, Any], password: str) -> bool:
    """Say whether the broker's hash is that of this password."""
    algorithm = ALGORITHMS.get(user.get("hashing_algorithm") or "")
    try:
        stored = base64.b64decode(user.get("password_hash") or "", validate=True)
    except (binascii.Error, ValueError):
        return False
    if algorithm is None or len(stored) <= SALT_BYTES:
        return False
    digest = algorithm(stored[:SALT_BYTES] + password.encode()).digest()
    return hmac.compare_digest(digest, stored[SALT_BYTES:])


def tags_of(value: str | list[str] | None) -> list[str]:
    """Return tags as a list; brokers before 3.9 hand over one string."""
    return [tag for tag in value.split(",") if tag] if isinstance(value, str) else list(value or [])


# What each vhost has from its beginning.
OWN_EXCHANGES = {f"amq.{name}" for name in ("direct", "fanout", "headers", "match", "rabbitmq.trace", "topic")}


class Step:
    """One request, with what it does in words and in lines for the diff."""

    def __init__(
        self,
        text: str | None,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        before: str | None = None,
        after: str | None = None,
    ) -> None:
        self.text, self.method, self.path, self.body = text, method, path, body
        self.before, self.after = before, after
        self.new_password = None  # set when the step changes the password that the module itself logs in with


class Broker:
    """What the broker has."""

    def __init__(self, api: Management) -> None:
        self.vhosts = {item["name"]: item for item in api.call("GET", path_of("vhosts"))}
        self.users = {item["name"]: item for item in api.call("GET", path_of("users"))}
        self.permissions = {(i["user"], i["vhost"]): i for i in api.call("GET", path_of("permissions"))}
        self.topics = {
            (i["user"], i["vhost"], i["exchange"]): i for i in api.call("GET", path_of("topic-permissions"))
        }
        self.policies = {(i["vhost"], i["name"]): i for i in api.call("GET", path_of("policies"))}
        self.version = api.call("GET", path_of("overview"))["rabbitmq_version"]
        self.vhost_limits = {i["vhost"]: i["value"] for i in api.call("GET", path_of("vhost-limits"))}
        self.user_limits = {i["user"]: i["value"] for i in api.call("GET", path_of("user-limits"))}


def missing_exchanges(api: Management, wanted: dict[str, Any], broker: Broker) -> list[str]:
    """Return what is wrong with topic permissions for exchanges that are not there, which RabbitMQ refuses from 4.3 on."""
    numbers = re.match(r"(\d+)\.(\d+)", broker.version)
    if numbers is None or tuple(map(int, numbers.groups())) < (4, 3):
        return []
    problems, known = [], {}
    for user in wanted["users"]:
        for item in user["topic_permissions"] or []:
            vhost, exchange = item["vhost"], item["exchange"]
            if vhost not in known:
                there = api.call("GET", path_of("exchanges", vhost)) if vhost in broker.vhosts else []
                known[vhost] = {found["name"] for found in there} | OWN_EXCHANGES
            if exchange not in known[vhost]:
                problems.append(
                    f"users: {user['name']}: topic_permissions: the vhost {vhost} has no exchange {exchange!r}, and RabbitMQ"
                    f" {broker.version} takes a topic permission only for one that is there. Declare it first, or leave the"
                    " permission out."
                )
    return problems


def find_problems(wanted: dict[str, Any], broker: Broker, login: str) -> list[str]:
    """Return what is wrong with the wanted state, before anything is changed."""
    problems = list_problems(wanted["vhosts"], wanted["users"], wanted["policies"], broker.vhosts)
    return problems + [
        f"users: {login}: is the user that this module logs in as, and would lose its rights. "
        "Log in as another administrator, or give it the tag 'administrator'."
        for user in wanted["users"]
        if user["name"] == login and (user["state"] == "absent" or "administrator" not in user["tags"])
    ]


def plan(wanted: dict[str, Any], broker: Broker, login: str) -> list[Step]:
    """Return the steps from what the broker has to the wanted state: pure, so check mode tells the truth."""
    steps, removals = list[Step](), list[Step]()
    gone = {item["name"] for item in wanted["vhosts"] if item["state"] == "absent"}
    for vhost in wanted["vhosts"]:
        (removals if vhost["state"] == "absent" else steps).extend(plan_vhost(vhost, broker, wanted, login))
    for user in wanted["users"]:
        if user["state"] == "present":
            steps += plan_user(user, broker.users.get(user["name"]), login)
    for user in wanted["users"]:
        if user["state"] == "present":
            for part in (plan_permissions(user, broker, gone), plan_topics(user, broker, gone)):
                steps += part[0]
                removals = part[1] + removals
    for policy in wanted["policies"]:
        policy_steps = plan_policy(policy, broker.policies.get((policy["vhost"], policy["name"])), gone)
        if policy["state"] == "absent":
            removals = policy_steps + removals
        else:
            steps += policy_steps
    for kind, current in (("vhost", broker.vhost_limits), ("user", broker.user_limits)):
        for item in wanted[kind + "s"]:
            if item["state"] == "present" and item["limits"] is not None:
                steps += plan_limits(kind, item["name"], item["limits"], current.get(item["name"]) or {})
    for user in wanted["users"]:
        if user["state"] == "absent" and user["name"] in broker.users:
            name = user["name"]
            removals.append(Step(f"user {name} removed", "DELETE", path_of("users", name), before=f"user {name}"))
    return steps + removals


def plan_vhost(vhost: dict[str, Any], broker: Broker, wanted: dict[str, Any], login: str) -> list[Step]:
    """Return the steps for one vhost."""
    name, kind = vhost["name"], vhost["default_queue_type"]
    current = broker.vhosts.get(name)
    path = path_of("vhosts", name)
    if vhost["state"] == "absent":
        return [Step(f"vhost {name} removed", "DELETE", path, before=f"vhost {name}")] if current else []
    # RabbitMQ 3.10 calls it defaultqueuetype, later ones default_queue_type; each passes over the other.
    body = {"default_queue_type": kind, "defaultqueuetype": kind} if kind else {}
    line = f"vhost {name}" + (f": default_queue_type={kind}" if kind else "")
    if current is None:
        steps = [Step(f"vhost {name} created", "PUT", path, body, after=line)]
        if not any(
            permission["vhost"] == name
            for user in wanted["users"]
            if user["name"] == login
            for permission in user["permissions"]
        ):
            # No words of its own: the permission comes into being with the step before.
            steps.append(Step(None, "DELETE", path_of("permissions", name, login)))
        return steps
    old = current.get("default_queue_type")
    if not kind or kind == old:
        return []
    body["description"] = current.get("description") or ""
    body["tags"] = ",".join(tags_of(current.get("tags")))
    text = f"vhost {name}: default_queue_type {old} -> {kind}"
    return [Step(text, "PUT", path, body, before=f"vhost {name}: default_queue_type={old}", after=line)]


def plan_user(user: dict[str, Any], current: dict[str, Any] | None, login: str) -> list[Step]:
    """Return the step for one user, if it needs any."""
    name, password = user["name"], user["password"]
    tags = sorted(set(user["tags"]))
    body = {"tags": ",".join(tags), "hashing_algorithm": "rabbit_password_hashing_sha256"}
    if current is None:
        body["password_hash"] = hash_password(password) if password else ""
        after = f"user {name}: tags={tags}"
        return [Step(f"user {name} created", "PUT", path_of("users", name), body, after=after)]
    old_tags = sorted(tags_of(current.get("tags")))
    new_password = bool(password) and not password_matches(current, password)
    changes = (["password"] if new_password else []) + ([f"tags {old_tags} -> {tags}"] if old_tags != tags else [])
    if not changes:
        return []
    if new_password:
        body["password_hash"] = hash_password(password)
    else:
        body["password_hash"] = current.get("password_hash") or ""
        body["hashing_algorithm"] = current.get("hashing_algorithm") or body["hashing_algorithm"]
    step = Step(
        f"user {name}: {', '.join(changes)}",
        "PUT",
        path_of("users", name),
        body,
        before=f"user {name}: tags={old_tags}" + (" password=(old)" if new_password else ""),
        after=f"user {name}: tags={tags}" + (" password=(new)" if new_password else ""),
    )
    if new_password and name == login:
        step.new_password = password
    return [step]


def rights(item: dict[str, Any]) -> str:
    """Return a permission as a line."""
    return " ".join(f"{key}={item[key]!r}" for key in ("configure", "write", "read") if key in item)


def plan_permissions(user: dict[str, Any], broker: Broker, gone: set[str]) -> tuple[list[Step], list[Step]]:
    """Return the steps that set and those that remove the permissions of one user."""
    name = user["name"]
    steps, removals, listed = list[Step](), list[Step](), set[str]()
    for item in user["permissions"]:
        vhost = item["vhost"]
        listed.add(vhost)
        body = {key: item[key] for key in ("configure", "write", "read")}
        old = broker.permissions.get((name, vhost))
        if old is None or any(old[key] != body[key] for key in body):
            what = f"user {name}: permission on {vhost}"
            before = f"{what}: {rights(old)}" if old else None
            path = path_of("permissions", vhost, name)
            steps.append(Step(f"{what} set", "PUT", path, body, before, f"{what}: {rights(body)}"))
    for owner, vhost in sorted(broker.permissions):
        if owner == name and vhost not in listed and vhost not in gone and user["other_permissions"] == "removed":
            what = f"user {name}: permission on {vhost}"
            before = f"{what}: {rights(broker.permissions[owner, vhost])}"
            removals.append(Step(f"{what} removed", "DELETE", path_of("permissions", vhost, name), before=before))
    return steps, removals


def plan_topics(user: dict[str, Any], broker: Broker, gone: set[str]) -> tuple[list[Step], list[Step]]:
    """Return the steps that set and those that remove the topic permissions of one user."""
    name = user["name"]
    steps, removals, listed = list[Step](), list[Step](), set[tuple[str, str]]()
    if user["topic_permissions"] is None:
        return steps, removals
    for item in user["topic_permissions"]:
        place = (item["vhost"], item["exchange"])
        listed.add(place)
        body = {key: item[key] for key in ("write", "read")}
        old = broker.topics.get((name, *place))
        if old is None or any(old[key] != body[key] for key in body):
            what = f"user {name}: topic permission on {place[0]} {place[1]}"
            before = f"{what}: {rights(old)}" if old else None
            path = path_of("topic-permissions", place[0], name)
            after = f"{what}: {rights(body)}"
            steps.append(Step(f"{what} set", "PUT", path, {**body, "exchange": place[1]}, before, after))
    for owner, vhost, exchange in sorted(broker.topics):
        if owner == name and (vhost, exchange) not in listed and vhost not in gone:
            what = f"user {name}: topic permission on {vhost} {exchange}"
            before = f"{what}: {rights(broker.topics[owner, vhost, exchange])}"
            path = path_of("topic-permissions", vhost, name, exchange)
            removals.append(Step(f"{what} removed", "DELETE", path, before=before))
    return steps, removals


def same(one: Any, other: Any) -> bool:
    """Say whether two values are equal in value and type: 1 and true are two values."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


def plan_policy(policy: dict[str, Any], current: dict[str, Any] | None, gone: set[str]) -> list[Step]:
    """Return the step for one policy, if it needs any."""
    name, vhost = policy["name"], policy["vhost"]
    what = f"policy {name} on {vhost}"
    path = path_of("policies", vhost, name)
    keys = ("pattern", "apply-to", "priority", "definition")
    before = f"{what}: " + " ".join(f"{key}={current[key]!r}" for key in keys) if current else None
    if policy["state"] == "absent":
        return [Step(f"{what} removed", "DELETE", path, before=before)] if current and vhost not in gone else []
    body = {key: policy[key.replace("-", "_")] for key in keys}
    if current and same({key: current[key] for key in keys}, body):
        return []
    after = f"{what}: " + " ".join(f"{key}={body[key]!r}" for key in keys)
    return [Step(f"{what} {'changed' if current else 'created'}", "PUT", path, body, before, after)]


def plan_limits(kind: str, name: str, limits: dict[str, int | None], current: dict[str, int]) -> list[Step]:
    """Return the steps for the limits of one vhost or user."""
    steps = []
    wanted = {limit.replace("_", "-"): value for limit, value in limits.items()}
    for limit in sorted(set(wanted) | set(current)):
        old, new = current.get(limit), wanted.get(limit)
        if old == new:
            continue
        what = f"{kind} {name}: {limit}"
        path = path_of(f"{kind}-limits", name, limit)
        before = None if old is None else f"{what}={old}"
        if new is None:
            steps.append(Step(f"{what} removed", "DELETE", path, before=before))
        else:
            steps.append(Step(f"{what} set to {new}", "PUT", path, {"value": new}, before, f"{what}={new}"))
    return steps


def check_queue_types(api: Management, wanted: dict[str, Any], steps: list[Step]) -> None:
    """Fail when the broker has taken a default queue type without keeping it, as old ones do."""
    touched = {step.path for step in steps if step.method == "PUT"}
    for vhost in wanted["vhosts"]:
        name, kind = vhost["name"], vhost["default_queue_type"]
        if vhost["state"] == "absent" or not kind or path_of("vhosts", name) not in touched:
            continue
        kept = api.call("GET", path_of("vhosts", name)).get("default_queue_type")
        if kept != kind:
            raise ManagementError(
                f"vhosts: {name}: the broker keeps the default queue type {kept} instead of {kind}. This version sets it "
                "only when a vhost is made: leave default_queue_type out, or remove the vhost and create it again."
            )


def execute(api: Management, step: Step) -> None:
    """Send one request."""
    try:
        api.call(step.method, step.path, step.body)
    except ManagementError as error:
        if step.method != "DELETE" or error.code != 404:  # gone already is as good
            raise
    api.password = step.new_password or api.password


def lines(steps: list[Step], side: str) -> str:
    """Return one side of the diff."""
    return "".join(f"{getattr(step, side)}\n" for step in steps if getattr(step, side))


def permission_spec(*names: str) -> dict[str, Any]:
    """Return the specification of a list of permissions."""
    return {
        "type": "list",
        "elements": "dict",
        "options": {
            **{name: {"type": "str", "required": True} for name in ("vhost", "exchange") if name in names},
            **{name: {"type": "str", "default": ""} for name in ("configure", "write", "read") if name in names},
        },
    }


def limits_spec(*names: str) -> dict[str, Any]:
    """Return the specification of a dictionary of limits."""
    return {"type": "dict", "options": {name: {"type": "int"} for name in names}}


def main() -> None:
    """Run the module."""
    name = {"type": "str", "required": True}
    state = {"type": "str", "choices": ["present", "absent"], "default": "present"}
    module = AnsibleModule(
        argument_spec={
            **CONNECTION,
            "vhosts": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": name,
                    "default_queue_type": {"type": "str", "choices": ["classic", "quorum", "stream"]},
                    "limits": limits_spec("max_connections", "max_queues"),
                    "state": state,
                },
            },
            "users": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": name,
                    "password": {"type": "str", "no_log": True},
                    "tags": {"type": "list", "elements": "str", "default": []},
                    "permissions": {**permission_spec("vhost", "configure", "write", "read"), "default": []},
                    "other_permissions": {"type": "str", "choices": ["removed", "kept"], "default": "removed"},
                    "topic_permissions": permission_spec("vhost", "exchange", "write", "read"),
                    "limits": limits_spec("max_connections", "max_channels"),
                    "state": state,
                },
            },
            "policies": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": name,
                    "vhost": {"type": "str", "required": True},
                    "pattern": {"type": "str"},
                    "apply_to": {"type": "str", "default": "all"},
                    "priority": {"type": "int", "default": 0},
                    "definition": {"type": "dict"},
                    "state": state,
                },
            },
        },
        supports_check_mode=True,
    )
    wanted = module.params
    done = []
    try:
        api = Management(**{key: wanted[key] for key in CONNECTION})
        broker = Broker(api)
        problems = find_problems(wanted, broker, api.username) + missing_exchanges(api, wanted, broker)
        if problems:
            raise ManagementError("Nothing was changed:\n- " + "\n- ".join(problems))
        steps = plan(wanted, broker, api.username)
        if not module.check_mode:
            for step in steps:
                execute(api, step)
                if step.text:
                    done.append(step.text)
            check_queue_types(api, wanted, steps)
    except ManagementError as error:
        module.fail_json(msg=str(error), changed=bool(done), changes=done)
    module.exit_json(
        changed=bool(steps),
        changes=[step.text for step in steps if step.text],
        diff={"before": lines(steps, "before"), "after": lines(steps, "after")},
    )


if __name__ == "__main__":
    main()

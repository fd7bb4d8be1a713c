# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filter that lets Traefik obtain the certificates of its routers."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

# A name in one of the matchers that Traefik reads domains from; "*" is none.
NAMED = re.compile(r"\bHost(?:SNI)?\(\s*[`\"][^`\"*]")


def traefik_certificate_resolver(config: Any, resolver: Any, names: Iterable[str]) -> Any:
    """Return a dynamic configuration whose routers obtain their certificates.

    :param config: the configuration, a dict; it is left as it is.
    :param resolver: name of the certificate resolver.
    :param names: names for routers whose rule has none.
    :returns: the new configuration.
    :raises AnsibleFilterError: for another type, an empty name of the resolver, or no names where a router needs them.
    """
    if not isinstance(config, Mapping):
        raise AnsibleFilterError(
            f"traefik_certificate_resolver: the input is a {type(config).__name__}, not a dictionary. "
            "Give a dynamic configuration."
        )
    if not isinstance(resolver, str) or not resolver:
        raise AnsibleFilterError(
            f"traefik_certificate_resolver: resolver is {resolver!r}. Name one of the static configuration."
        )
    if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
        raise AnsibleFilterError(
            f"traefik_certificate_resolver: names is {names!r}, not a list of names. Give ['mq.example.org']."
        )
    config = copy.deepcopy(config)
    for kind in ("tcp", "http"):
        for name, router in ((config.get(kind) or {}).get("routers") or {}).items():
            tls = router.get("tls")
            if tls is None or tls.get("passthrough") or tls.get("certResolver"):
                continue
            tls["certResolver"] = resolver
            if NAMED.search(router.get("rule") or "") or tls.get("domains"):
                continue
            if not names:
                raise AnsibleFilterError(
                    f"traefik_certificate_resolver: the rule of the {kind} router {name} holds no name, and names is empty. "
                    "Give the names of its clients."
                )
            tls["domains"] = [{"main": str(main)} for main in names]
    return config

# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filters of the alert rules have in common."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ansible.errors import AnsibleFilterError

# A rule as the operator gives it, and as the filters take it.
Rule = dict[str, Any]

NEEDED = ("uid", "title", "severity", "minutes", "prometheus", "influxql", "summary", "remedy")
KNOWN = (*NEEDED, "above", "below", "each", "range_seconds", "silence")


def expanded(rules: Iterable[dict[str, Any]], used_by: str) -> Iterator[Rule]:
    """Yield each rule as a plain dictionary, once for each name in C(each), with all texts filled in."""
    for rule in rules:
        missing = [key for key in NEEDED if key not in rule]
        unknown = [key for key in rule if key not in KNOWN]
        if missing or unknown or ("above" in rule) == ("below" in rule):
            raise AnsibleFilterError(
                f"{used_by}: the rule {rule.get('uid', rule)!r} needs {', '.join(NEEDED)} and one of above and below; "
                f"missing: {', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}."
            )
        for name in rule.get("each", [""]):
            yield filled(rule, str(name))


def filled(rule: dict[str, Any], name: str) -> Rule:
    """Return one rule; what fired gives its labels to the texts, in the syntax that Prometheus and Grafana share."""
    texts = {key: str(rule[key]).replace("$each", name) for key in NEEDED if key != "minutes"}
    for key in ("summary", "remedy"):
        texts[key] = re.sub(r"<(\w+)>", r"{{ $labels.\1 }}", texts[key])
    if name:
        # Grafana takes at most 40 characters of its own alphabet.
        texts["uid"] += "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    return {
        **texts,
        "minutes": int(rule["minutes"]),
        "operator": "gt" if "above" in rule else "lt",
        "number": plain_number(rule.get("above", rule.get("below"))),
        "range_seconds": int(rule["range_seconds"]) if "range_seconds" in rule else None,
        "silence": bool(rule.get("silence")),
    }


def plain_number(value: Any) -> float:
    """An integer where it is one."""
    number = float(value)
    return int(number) if number.is_integer() else number

# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Say which tasks of task_stream.py run, and what became of each that was sent: task_account.py running|count --help.

Runs beside task_stream.py. A task is named by its user; task_effects.sql has the database note what it did.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

import task_stream

WAIT_SECONDS = 180


def sent(names):
    """Return the users by the ids of their tasks, from the files that task_stream.py wrote."""
    lines = [line.split() for name in names for line in Path(name).read_text(encoding="ascii").splitlines()]
    return {task_id: int(user) for task_id, user in lines}


def ask(app, question, options):
    """Return the users of a node's tasks, by node; a node that gives no answer is missing."""
    inspect = app.control.inspect(destination=options.nodes, timeout=2, limit=len(options.nodes))
    answers = getattr(inspect, question)() or {}
    return {
        node: sorted(task["kwargs"]["task_user_id"] for task in tasks if task["name"] == task_stream.USER_TASK)
        for node, tasks in answers.items()
    }


def running(app, options):
    """Wait until every node runs at least so many of the tasks, and return which, by node."""
    wanted, deadline = set(sent(options.ids).values()), time.monotonic() + WAIT_SECONDS
    while True:
        active = ask(app, "active", options)
        found = {node: [user for user in users if user in wanted] for node, users in active.items()}
        if set(found) == set(options.nodes) and all(len(users) >= options.places for users in found.values()):
            return found
        if time.monotonic() > deadline:
            sys.exit(f"error: not every node runs {options.places}: {found}")
        time.sleep(0.5)


def wait_until_quiet(app, options):
    """Wait until no node has one of the tasks, twice in a row: one may be on its way from one list to the other."""
    deadline, quiet = time.monotonic() + WAIT_SECONDS, 0
    while quiet < 2:
        found = [ask(app, question, options) for question in ("reserved", "active")]
        idle = all(set(answers) == set(options.nodes) and not any(answers.values()) for answers in found)
        quiet = quiet + 1 if idle else 0
        if time.monotonic() > deadline:
            sys.exit(f"error: the nodes are not quiet: reserved and active are {found}")
        time.sleep(0.5)


def rows(url, query, values):
    """Return the rows of one query."""
    import psycopg2

    connection = psycopg2.connect(url.removeprefix("db+"))
    try:
        with connection.cursor() as cursor:
            cursor.execute(query, [values])
            return cursor.fetchall()
    finally:
        connection.close()


def account(users, effects, results):
    """Return what became of tasks.

    :param users: users by the ids of their tasks.
    :param effects: how often each user was changed.
    :param results: (state, result) by the ids of the tasks.
    """
    return {
        "sent": len(users),
        "once": sum(effects[user] == 1 for user in users.values()),
        "twice": sorted(user for user in users.values() if effects[user] == 2),
        "more": sorted(user for user in users.values() if effects[user] > 2),
        "never": sorted(user for user in users.values() if not effects[user]),
        # The kind of each error, which is where a failed task has its result.
        "failed": {
            users[task_id]: json.loads(result)["exc_type"]
            for task_id, (state, result) in results.items()
            if state == "FAILURE"
        },
        "no_result": sorted(user for task_id, user in users.items() if task_id not in results),
    }


def count(app, options):
    """Wait until all is done, and return what became of the tasks that were sent."""
    import yaml

    wait_until_quiet(app, options)
    users = sent(options.ids)
    section = yaml.safe_load(Path(options.config).read_text(encoding="utf-8"))["galaxy"]
    notes = rows(
        section["database_connection"], "SELECT user_id FROM task_effect WHERE user_id = ANY(%s)", list(users.values())
    )
    results = rows(
        app.conf.result_backend,
        "SELECT task_id, status, result FROM celery_taskmeta WHERE task_id = ANY(%s)",
        list(users),
    )
    return account(
        users,
        Counter(user for (user,) in notes),
        {task_id: (state, bytes(result or b"").decode()) for task_id, state, result in results},
    )


def main():
    """Do what the command line says, and write the answer as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("running")
    verb.add_argument("--places", type=int, required=True, help="how many of the tasks each node must run")
    verb.set_defaults(run=running)
    verbs.add_parser("count").set_defaults(run=count)
    for verb in verbs.choices.values():
        verb.add_argument("--config", required=True, help="Galaxy's galaxy.yml")
        verb.add_argument("--ids", action="append", required=True, help="file that task_stream.py wrote")
        verb.add_argument("nodes", nargs="+", metavar="NODE", help="every worker")
    options = parser.parse_args()
    app = task_stream.Client(task_stream.settings(options.config)).app
    sys.stdout.write(json.dumps(options.run(app, options)) + "\n")


if __name__ == "__main__":
    main()

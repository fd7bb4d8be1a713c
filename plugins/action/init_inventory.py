# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write an inventory from what was found on Galaxy's host, on the controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.usegalaxy_eu.celery.plugins.plugin_utils import _init_inventory as inventory

CHECK = os.path.join(
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "playbooks", "check.yml"
)


class ActionModule(ActionBase):
    """Ask what is missing, write the files that are not there yet, and check them."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the result of the task."""
        result = super().run(tmp, task_vars)
        args = self.validate_argument_spec(
            {
                "host": {"type": "str", "required": True},
                "found": {"type": "dict", "required": True},
                "notes": {"type": "list", "elements": "str", "default": []},
                "dest": {"type": "path", "required": True},
                "answers": {"type": "dict"},
                "check": {"type": "bool", "default": True},
            }
        )[1]
        # Without Ansible's tags, which no serialiser of others knows.
        args = json.loads(json.dumps(args))
        facts = inventory.Facts(args["host"], args["found"])
        dest = os.path.abspath(os.path.expanduser(args["dest"]))
        record = self._read(os.path.join(dest, inventory.RECORD))
        missing = [name for name in inventory.FILES if not os.path.exists(os.path.join(dest, name))]
        result.update(
            changed=False, directory=dest, questions=[], created=[], findings=inventory.findings(facts, args["notes"])
        )
        result["changes"] = inventory.changes(facts, record) if record else []
        if args["answers"] is None:
            result["questions"] = [question._asdict() for question in inventory.questions(facts)] if missing else []
            return result
        texts = inventory.files(facts, args["answers"])
        encrypted = self._encrypt(texts)
        wanted = [*missing, *([] if record else [inventory.RECORD])]
        result.update(
            changed=bool(wanted), created=wanted, kept=[name for name in inventory.FILES if name not in missing]
        )
        if not self._task.check_mode:
            self._write(dest, {name: texts[name] for name in wanted})
            if args["check"]:
                result["problems"] = self._check(dest)
        marked = sum(line.count(inventory.MARK + ": ") or line.endswith(inventory.MARK) for line in self._lines(dest))
        result["next"] = inventory.next_steps(facts, args["dest"], encrypted, marked)
        return result

    @staticmethod
    def _read(path: str) -> str:
        """Return a file's text, or nothing."""
        try:
            with open(path, encoding="utf-8") as stream:
                return stream.read()
        except OSError:
            return ""

    def _lines(self, dest: str) -> list[str]:
        """Return the lines of the inventory that may be marked."""
        return [
            line
            for name in (inventory.HOSTS, inventory.VARIABLES)
            for line in self._read(os.path.join(dest, name)).splitlines()
        ]

    def _secrets(self) -> list[tuple[str, Any]]:
        """Return the vault passwords that Ansible was given."""
        return list(self._loader._vault.secrets or [])

    def _encrypt(self, texts: dict[str, str]) -> bool:
        """Encrypt the file of the secrets where there is a password."""
        if not self._secrets():
            return False
        vault_id, secret = self._secrets()[0]
        texts[inventory.VAULT] = self._loader._vault.encrypt(texts[inventory.VAULT], secret, vault_id=vault_id).decode()
        return True

    @staticmethod
    def _write(dest: str, texts: dict[str, str]) -> None:
        """Write files that are not there; the one of the secrets is for nobody else."""
        for name, text in texts.items():
            path = os.path.join(dest, name)
            mode = 0o600 if name == inventory.VAULT else 0o644
            try:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                # O_EXCL: never another one's file.
                with os.fdopen(
                    os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
                ) as stream:
                    stream.write(text)
            except OSError as error:
                raise AnsibleActionFail(
                    f"{path} cannot be written: {error.strerror}. Remedy: give another directory with -e dest=PATH."
                ) from error

    def _check(self, dest: str) -> list[str]:
        """Return what the playbook check says of the inventory."""
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "ansible", "playbook", "-i", dest]
            for number, (vault_id, secret) in enumerate(self._secrets()):
                # In a file that only this user can read, and never in an argument.
                path = os.path.join(folder, str(number))
                with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
                    stream.write(secret.bytes)
                command += ["--vault-id", f"{vault_id}@{path}"]
            env = {
                **os.environ,
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
                "ANSIBLE_RETRY_FILES_ENABLED": "false",
            }
            # The password of the parent run would be asked for, or read, once more.
            for name in ("ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY_LIST", "ANSIBLE_ASK_VAULT_PASS"):
                env.pop(name, None)
            done = subprocess.run(
                [*command, CHECK], env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
        return self._problems(done)

    @staticmethod
    def _problems(done: subprocess.CompletedProcess[str]) -> list[str]:
        """Return the mistakes in the output of a run of check."""
        try:
            plays = json.loads(done.stdout[done.stdout.index("{") :])["plays"]
        except (ValueError, KeyError):
            return [f"check could not be run: {(done.stderr or done.stdout).strip()[-500:]}"] if done.returncode else []
        results = [host for play in plays for task in play["tasks"] for host in task["hosts"].values()]
        found = [text for host in results for text in host.get("problems") or [] if "hosts" in host]
        failed = [str(host.get("msg")) for host in results if host.get("failed") and not host.get("problems")]
        return found or failed or ([f"check ended with {done.returncode}"] if done.returncode else [])

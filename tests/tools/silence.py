# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real run of site.yml changes and check mode is silent about: role and task, each with the reason."""

# In every run: after the announced change of pg_hba.conf.
FOLLOWS_THE_BLOCK = {
    (
        "postgresql_access",
        "backups | Keep the former file under the role's own name",
    ): "the copy is made by the change of the file",
    ("postgresql_access", "backups | Remove the modules' copies"): "the copy is made by the change of the file",
    (
        "postgresql_access",
        "reload | Reload PostgreSQL",
    ): "the query cannot be asked without having its effect; the block is announced",
}

# On bare hosts.
NOT_ON_BARE_HOSTS = {
    ("flower", "Flower | Restart"): "its unit is not there yet",
    ("flower", "service | Enable and start Flower"): "its unit is not there yet",
    ("telegraf", "Telegraf | Restart"): "its unit is not there yet",
    ("telegraf", "service | Enable and start Telegraf"): "its unit is not there yet",
    ("traefik", "service_binary | Enable and start Traefik"): "its unit is not there yet",
    (
        "traefik",
        "save_last_good | Keep what Traefik came up with, and forget what the other method started from",
    ): "the files that it would copy are not there yet",
    ("rabbitmq", "objects | Make vhosts, users, permissions and policies"): "there is no broker to ask",
    ("rabbitmq", "service | Note plugins that do not run"): "there is no broker to ask",
    **FOLLOWS_THE_BLOCK,
    ("celery", "service | Enable and start the workers"): "their units are not there yet",
    ("celery", "beat | Enable and start beat"): "its unit is not there yet",
    (
        "galaxy_sync",
        "configure | Create the key for the pull",
    ): "the package that makes it, and its directory, are not there yet",
    ("galaxy_sync", "source | Allow the keys to read"): "the key is not there yet",
    (
        "galaxy_sync",
        "service | Switch to the release",
    ): "the release is not there yet; that it will be copied is announced",
}

# Where only a variable has changed.
NOT_AFTER_A_CHANGE = {
    (
        "traefik",
        "save_last_good | Keep what Traefik came up with, and forget what the other method started from",
    ): "known only once Traefik has come up with the announced configuration",
    (
        "traefik",
        "service | Note files that it has not come up with yet",
    ): "a note of the role itself between two of its tasks",
    **FOLLOWS_THE_BLOCK,
}

# A changed galaxy.yml is a new release, which check mode cannot see in a file that it does not write.
AFTER_A_NEW_CONFIGURATION = {
    ("galaxy_sync", "service | List the release at the source"): "the release is what galaxy.yml will be",
    ("galaxy_sync", "service | Copy the release"): "the release is what galaxy.yml will be",
    ("galaxy_sync", "service | Switch to the release"): "the release is what galaxy.yml will be",
    ("celery", "restart | beat | Restart beat"): "beat is restarted for the release alone",
}

# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables the plan reads, by role."""

from __future__ import annotations

# With the defaults and the private variables of the role.
ROLES = {
    "celery": (
        "__celery_classes",
        "__celery_instances",
        "__celery_outside_config_file",
        "__celery_outside_python",
        "__celery_worker_nodes",
        "celery_environment",
        "celery_tmp_dir",
    ),
    "flower": ("flower_address", "flower_port", "flower_url_prefix"),
    "galaxy": ("galaxy_celery_task_routes",),
    "galaxy_sync": ("galaxy_sync_method", "galaxy_sync_releases_dir"),
    "rabbitmq": (
        "rabbitmq_amqp_port",
        "rabbitmq_consumer_timeout_seconds",
        "rabbitmq_listen_address",
        "rabbitmq_management_port",
        "rabbitmq_plain_enabled",
        "rabbitmq_prometheus_port",
        "rabbitmq_tls_address",
        "rabbitmq_tls_enabled",
        "rabbitmq_tls_port",
    ),
    "traefik": (
        "traefik_amqps_address",
        "traefik_broker_allow_list_enabled",
        "traefik_broker_mode",
        "traefik_certificate_source",
        "traefik_private_ca_dir",
    ),
}
# Which roles run on the hosts of a group; the proxy and Telegraf ask for the broker's ports on their own host.
PARTS = {
    "galaxy": ("galaxy",),
    "broker": ("rabbitmq",),
    "proxy": ("traefik", "rabbitmq"),
    "workers": ("celery", "galaxy_sync"),
    "flower": ("flower",),
}
# As the inventory says them, or an earlier task has found them.
GIVEN = (
    "__galaxy_database",
    "__postgresql_access_source",
    "__stack_measured",
    "celery_beat_enabled",
    "celery_source_address",
    "postgresql_access_hosts",
    "rabbitmq_cluster_address",
    "rabbitmq_node_hostname",
    "traefik_broker_client_addresses",
    "traefik_broker_servers",
)
# Settings of Galaxy's pool, where the inventory of the role galaxyproject.galaxy has them.
POOL = {
    "pool_size": "galaxy_config.galaxy.database_engine_option_pool_size",
    "max_overflow": "galaxy_config.galaxy.database_engine_option_max_overflow",
}
FACTS = ("service_mgr", "default_ipv4", "default_ipv6", "all_ipv4_addresses", "all_ipv6_addresses")
# The variables that name the groups of the inventory, each with its default.
GROUPS = {
    "galaxy": ("galaxyservers_group", "galaxyservers"),
    "broker": ("rabbitmqservers_group", "rabbitmqservers"),
    "proxy": ("traefikservers_group", "traefikservers"),
    "database": ("dbservers_group", "dbservers"),
    "workers": ("celeryservers_group", "celeryservers"),
    "beat": ("celerybeat_group", "celerybeat"),
    "flower": ("flowerservers_group", "flowerservers"),
    "monitored": ("telegrafservers_group", "telegrafservers"),
}

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
    "galaxy": ("__galaxy_result_store", "galaxy_amqp_port", "galaxy_celery_task_routes"),
    "galaxy_sync": ("galaxy_sync_method", "galaxy_sync_releases_dir", "galaxy_sync_source_port"),
    "postgresql_access": ("postgresql_access_connection_type", "postgresql_access_port"),
    "rabbitmq": (
        "rabbitmq_amqp_port",
        "rabbitmq_cluster_distribution_port",
        "rabbitmq_cluster_epmd_port",
        "rabbitmq_consumer_timeout_seconds",
        "rabbitmq_install_method",
        "rabbitmq_listen_address",
        "rabbitmq_management_port",
        "rabbitmq_plain_enabled",
        "rabbitmq_prometheus_port",
        "rabbitmq_tls_address",
        "rabbitmq_tls_enabled",
        "rabbitmq_tls_port",
    ),
    "telegraf": ("telegraf_influxdb_enabled", "telegraf_influxdb_url"),
    "traefik": (
        "traefik_acme_challenge",
        "traefik_amqps_address",
        "traefik_broker_allow_list_enabled",
        "traefik_broker_mode",
        "traefik_certificate_source",
        "traefik_flower_host",
        "traefik_private_ca_dir",
        "traefik_websecure_address",
    ),
}
# Which roles run on the hosts of a group; the proxy and Telegraf ask for the broker's ports on their own host.
PARTS = {
    "galaxy": ("galaxy",),
    "broker": ("rabbitmq",),
    "proxy": ("traefik", "rabbitmq"),
    "database": ("postgresql_access",),
    "workers": ("celery", "galaxy_sync"),
    "flower": ("flower",),
    "monitored": ("telegraf",),
}
# As the inventory says them, or an earlier task has found them.
GIVEN = (
    "__celery_due_instances",
    "__celery_first_problem",
    "__galaxy_database",
    "__postgresql_access_login",
    "__postgresql_access_resolved",
    "__postgresql_access_rotation_found",
    "__postgresql_access_rotation_name",
    "__postgresql_access_rotation_needed",
    "__rabbitmq_rotation_found",
    "__rabbitmq_rotation_name",
    "__rabbitmq_rotation_needed",
    "__rotation_back",
    "__rotation_moved",
    "__stack_measured",
    "__update_way_back",
    "celery_beat_enabled",
    "celery_node_host",
    "celery_source_address",
    "galaxy_amqp_user",
    "galaxy_celery_restart_services",
    "galaxy_database_user",
    "postgresql_access_hosts",
    "postgresql_access_server_host",
    "rabbitmq_cluster_address",
    "rabbitmq_node_hostname",
    "rotate_users",
    "traefik_broker_client_addresses",
    "traefik_broker_servers",
)
# Settings of Galaxy's pool, where the inventory of the role galaxyproject.galaxy has them.
POOL = {
    "pool_size": "galaxy_config.galaxy.database_engine_option_pool_size",
    "max_overflow": "galaxy_config.galaxy.database_engine_option_max_overflow",
}
# Of a secret only whether there is one.
SECRETS = {"has_database_password": "galaxy_database_password | default('', true) | length > 0"}
FACTS = (
    "hostname",
    "nodename",
    "service_mgr",
    "default_ipv4",
    "default_ipv6",
    "all_ipv4_addresses",
    "all_ipv6_addresses",
)

# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every task of Galaxy 24.2 to 26.1 (galaxy/celery/tasks.py), judged by reading it.

The question is whether it may begin anew after it was cut off, or had ended.
"""

from __future__ import annotations

MAY_RUN_TWICE = {
    "setup_fetch_data": "writes its files and the state of the job once more",
    "fetch_data": "fetches into the same working directory",
    "set_job_metadata": "writes the metadata of a job directory",
    "finish_job": "takes over what the job directory holds; without it the job stays running for ever",
    "compute_dataset_hash": "looks first whether the hash is there",
    "change_datatype": "sets a type and computes from the file",
    "set_metadata": "computes from the file",
    "touch": "sets a time",
    "recalculate_user_disk_usage": "counts from the beginning",
    "purge_hda": "a purged dataset counts nothing in the quota",
    "purge_datasets": "looks first whether a dataset is purged",
    "purge_history_datasets": "takes what is not purged yet",
    "prepare_dataset_collection_download": "writes the file that the download names, from its beginning",
    "prepare_history_content_download": "the same",
    "prepare_history_download": "the same",
    "prepare_invocation_download": "the same",
    "prepare_pdf_download": "the same",
}
MUST_NOT = {
    "queue_jobs": "makes jobs",
    "export_history": "makes a job",
    "import_model_store": "makes histories",
    "import_data_bundle": "adds to data tables",
    "materialize": "makes a dataset",
    "bulk_move_storage": "two would move the same files; Galaxy itself looks for runs that have stopped",
    "write_history_content_to": "may make a record in a repository elsewhere",
    "write_history_to": "the same",
    "write_invocation_to": "the same",
    "send_notification_to_recipients_async": "notifies",
    "execute_workflow_completion_hook": "notifies",
    "dispatch_pending_notifications": "notifies; beat sends it again",
    "cleanup_expired_notifications": "beat sends it again, as those below",
    "clean_object_store_caches": "",
    "cleanup_jwds": "",
    "cleanup_short_term_storage": "",
    "cleanup_stale_concurrency_slots": "",
    "emit_queue_metrics_task": "",
    "prune_expired_bulk_storage_operations": "",
    "prune_history_audit_table": "",
    "prune_kombu_sqla_transport": "",
    "recover_stale_bulk_storage_operation_runs": "",
    "refresh_gtn_database": "",
    "refresh_iwc_manifest": "",
    "renew_vault_token": "",
}

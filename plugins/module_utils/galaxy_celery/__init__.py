# -*- coding: utf-8 -*-
# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the collection adds to Celery inside of a worker and of beat: they tell systemd what they do, drain themselves on
SIGTERM, and survive faults that stock Celery does not.

Private to the collection. Celery loads it through its own hooks: CELERY_CUSTOM_WORKER_POOL names a class of `pool`, and
`celery beat --scheduler` the class of `beat`. Nothing here imports Ansible or Galaxy.
"""

# Copyright: (c) 2026, usegalaxy.eu
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's settings for these pages and the generated reference, which `make docs` builds."""

from docutils import nodes

project = "usegalaxy_eu.celery"
author = "Galaxy Europe"
extensions = ["myst_parser", "sphinx.ext.graphviz", "sphinx_antsibull_ext"]
exclude_patterns = ["docsite"]

html_theme = "furo"
html_title = "Celery for Galaxy"
html_copy_source = False
html_show_copyright = False
pygments_style = "ansible"
graphviz_output_format = "svg"
# Flowing text, in the sizes of the page around it.
graphviz_dot_args = ["-Gfontname=sans-serif", "-Nfontname=sans-serif", "-Efontname=sans-serif"]

# As GitHub makes them, so that a link to a heading holds in both places.
myst_heading_anchors = 4

TREE = "https://github.com/usegalaxy-eu/ansible-collection-celery/blob/main/"


def lead_to_the_repository(_app, _name, source):
    """A link out of docs/ is a file of the repository; in the site it has its address there."""
    source[0] = source[0].replace("](../", "](" + TREE)


# What the generated reference takes from Ansible's own documentation; its inventory could only be had over the network.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
ANSIBLE_LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def lead_to_ansible(_app, _env, node, content):
    """The address of a label that Ansible's documentation has; None for any other, which is a warning then."""
    if node["reftarget"] not in ANSIBLE_LABELS:
        return None
    return nodes.reference("", "", content, internal=False, refuri=ANSIBLE + ANSIBLE_LABELS[node["reftarget"]])


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", lead_to_the_repository)
    app.connect("missing-reference", lead_to_ansible)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

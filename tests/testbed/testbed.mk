# The demo and the test bed below it.
export TESTBED_CACHE ?= $(HOME)/.cache/usegalaxy_eu.celery

.PHONY: testbed
testbed: venv ## Build what the demo and the scenarios run on (engine, images, binaries); once
	@tests/testbed/build.sh all

.PHONY: testbed-clean
testbed-clean: ## Remove the images and binaries of the test bed that no recipe of this checkout and no running project names
	@tests/testbed/build.sh clean

.PHONY: test-vm
test-vm: ## Run the test bed on a machine with a kernel of its own, booted by qemu (VM=full: the demo too)
	@tests/testbed/vm.sh

.PHONY: demo
demo: testbed ## Bring up the whole stack on local containers, and prove it
	@tests/testbed/demo.sh up

.PHONY: demo-verify
demo-verify: venv ## Prove the running demo again
	@tests/testbed/demo.sh verify

.PHONY: demo-browser
demo-browser: venv ## Log in to the running demo in a real Chromium, upload a file and run a tool
	@tests/testbed/demo.sh browser

.PHONY: demo-down
demo-down: venv ## Remove the demo: containers, network, volumes, secrets
	@tests/testbed/demo.sh down

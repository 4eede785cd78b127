# `make demo` needs Python 3.11 or later, the others also Node 20 or later.
PYTHON ?= python3
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PYTHONNOUSERSITE = 1
# Without bytecode on disk each process would compile the project anew.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE PIP_USER PIP_TARGET PIP_PREFIX

.PHONY: all demo devnet test check audit
all: .venv/product

demo: .venv/product ; .venv/bin/wattline demo --out out/demo
devnet: contracts/node_modules/.done backend/web/node_modules/.done .venv/product ; .venv/bin/wattline devnet $(ARGS)
test: .venv/dev contracts/node_modules/.done backend/web/node_modules/.done ; scripts/test
check: .venv/dev .venv-audit/done contracts/node_modules/.done ; scripts/check
audit: .venv/dev .venv-audit/done contracts/node_modules/.done ; scripts/audit

# A copied or moved project makes its environment anew: the old one would run the old place's code.
ifneq ($(shell cat .venv/made-for 2>/dev/null),$(CURDIR))
.PHONY: .venv/made-for
endif

.venv/made-for:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo 'error: $(PYTHON): expected Python 3.11 or later; name one with make PYTHON=…' >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo 'error: $(PYTHON): expected the modules venv and ensurepip (on Debian: the package python3-venv)' >&2; exit 1; }
	@rm -rf .venv
	@"$(PYTHON)" -m venv .venv
	@pwd -P > $@

.venv/product: .venv/made-for requirements.lock pyproject.toml
	@echo 'Installing into .venv …'
	@.venv/bin/python -m pip install -qq --require-hashes -r requirements.lock
	@.venv/bin/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/product requirements-dev.lock
	@echo 'Installing the tools for development into .venv …'
	@.venv/bin/python -m pip install -qq --require-hashes -r requirements-dev.lock
	@touch $@

# slither and halmos want other versions of what the product uses.
.venv-audit/done: .venv/made-for requirements-audit.lock
	@echo 'Installing the tools of audits into .venv-audit …'
	@rm -rf .venv-audit
	@"$(PYTHON)" -m venv .venv-audit
	@.venv-audit/bin/python -m pip install -qq --require-hashes -r requirements-audit.lock
	@touch $@

contracts/node_modules/.done: WHAT = compiler, forge and anvil
backend/web/node_modules/.done: WHAT = the libraries of the page
%/node_modules/.done: %/package.json %/package-lock.json %/.npmrc
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null || { echo 'error: node: expected Node 20 or later' >&2; exit 1; }
	@npm --version >/dev/null 2>&1 || { echo 'error: npm: expected the npm that comes with Node' >&2; exit 1; }
	@echo 'Installing $(WHAT) into $*/node_modules …'
	@cd $* && npm ci --loglevel=error
	@touch $@

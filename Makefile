# make build     dist/walvault, with its own Node beside it
# make demo      a database is backed up, destroyed and brought back, on a throwaway Postgres
# make test      installs what the tests need and runs them all
# make soak      STORAGES="s3 gcs azure swift": all faults of a network before storages, which takes long;
#                DELTAS=50: as many delta backups of clusters that change at random (SEED=…, MAJOR=…);
#                BINLOGS=20: as many states of a MariaDB that changes at random restored from its binlogs (SEED=…);
#                RETENTION=10000: as many deletions planned in archives with a random past (SEED=…)
# make test-peers  storages against servers that Go builds (MinIO, fake-gcs-server); some minutes the first time
# make bench     walvault against its peers, in one run (Debian)
# make check     what CI runs: format, lint, types, unit, contract and architecture tests, documentation of settings
# make install   PREFIX=/usr/local; WALG_LINK=1 adds the name wal-g; DESTDIR is put before it
# make docs      docs/settings.md from the declarations
# make format    puts all files into the form that make check wants
# make clean     removes what make made; node_modules stays (make distclean removes it too)
#
# NODE=/path/to/node takes that Node (22.15 or later) instead of the one from npm.

PREFIX ?= /usr/local
DESTDIR ?=
DIST := dist

SOURCES := $(shell find src scripts -name '*.ts' -o -name '*.sh') package.json package-lock.json

.PHONY: build demo test test-peers soak bench check docs install clean distclean dependencies format

build: $(DIST)/walvault

# npm needs some Node to run at all; from then on the pinned one is taken where it runs.
dependencies:
	@sh scripts/find-node.sh "$(NODE)" any >/dev/null
	@sh scripts/dependencies.sh

$(DIST)/walvault: $(SOURCES) | dependencies
	@node=$$(sh scripts/find-node.sh "$(NODE)") && "$$node" scripts/build.ts "$(DIST)"

demo: build
	@node=$$(sh scripts/find-node.sh "$(NODE)") && "$$node" testtools/demo/main.ts

# TESTS="test/e2e/majors.test.ts" runs some of them; BENCH="wal codecs crypto cores backup deltas memory binlogs streams" measures some things.
test: build
	@node=$$(sh scripts/find-node.sh "$(NODE)") && sh scripts/test.sh "$$node" $(TESTS)

soak: $(if $(BINLOGS),build,dependencies)
	@node=$$(sh scripts/find-node.sh "$(NODE)") && "$$node" $(if $(BINLOGS),testtools/soak/binlogs.ts $(BINLOGS),$(if $(RETENTION),testtools/soak/retention.ts $(RETENTION),$(if $(DELTAS),testtools/soak/deltas.ts $(DELTAS),testtools/soak/storages.ts $(STORAGES))))

test-peers: dependencies
	@node=$$(sh scripts/find-node.sh "$(NODE)") && sh scripts/test-peers.sh "$$node" $(TESTS)

bench: build
	@sh scripts/debian-packages.sh /usr/lib/postgresql/15/bin/pgbench=postgresql-15 pgbackrest=pgbackrest lz4=lz4 /usr/bin/time=time \
	  zstd=zstd brotli=brotli xz=xz-utils gpg=gnupg cc=gcc /usr/include/stdio.h=libc6-dev /usr/include/sodium.h=libsodium-dev
	@node=$$(sh scripts/find-node.sh "$(NODE)") && "$$node" testtools/bench/main.ts $(BENCH)

docs: dependencies
	@node=$$(sh scripts/find-node.sh "$(NODE)") && "$$node" scripts/settings-docs.ts docs/settings.md

check: dependencies
	@node=$$(sh scripts/find-node.sh "$(NODE)") && sh scripts/check.sh "$$node"

format: dependencies
	@node=$$(sh scripts/find-node.sh "$(NODE)") && "$$node" node_modules/prettier/bin/prettier.cjs --write --log-level warn .

# The new files stand beside the old ones before they take their place: a server may be archiving meanwhile.
install: build
	@sh scripts/install.sh "$(DIST)" "$(DESTDIR)" "$(PREFIX)" "$(WALG_LINK)"

clean:
	rm -rf $(DIST) coverage .cache

distclean: clean
	rm -rf node_modules testtools/servers/node_modules testtools/servers/azurite/node_modules

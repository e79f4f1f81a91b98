PREFIX   = /usr/local
DOCDIR   = $(PREFIX)/share/doc/pidproof
MANDIR   = $(PREFIX)/share/man
HOOKDIR  = /lib/lsb/init-functions.d
SHAREDIR = $(PREFIX)/share/pidproof
VERSION  = $(or $(shell sh scripts/version),$(error scripts/version knows no version))
# What only dpkg and apt can use; empty, they are not installed.
WRAPPERS = start-stop-daemon invoke-rc.d deb-systemd-invoke divert
APTHOOK  = apt.conf
# Where the shells look for completion. Debian's packages use vendor-completions for zsh.
BASHDIR  = $(PREFIX)/share/bash-completion/completions
ZSHDIR   = $(PREFIX)/share/zsh/site-functions
FISHDIR  = $(PREFIX)/share/fish/vendor_completions.d
FUZZTIME = 10s
DIST     = dist

# Go leaves folders named testdata out of every "..." pattern. What checks the code is a module of its own, so that
# whoever builds or vendors pidproof needs none of it.
PACKAGES = ./... $(patsubst %/,%,$(sort $(dir $(shell find ./testdata -path ./testdata/tools -prune -o -name '*.go' -print))))
TOOLS    = gotest.tools/gotestsum honnef.co/go/tools/cmd/staticcheck
PAGES    = $(wildcard docs/*.[1-9])
SCRIPTS  = $(shell find . -path ./.git -prune -o -type f -exec awk 'FNR == 1 && /^.!.*sh/ { print FILENAME } { nextfile }' {} +)
# In CI a broken -race must fail, not be left out.
RACE     = $(shell [ "$$CI" ] || CGO_ENABLED=1 go build -race -o /dev/null ./testdata/demod 2>/dev/null && echo -race)

# All but the race detector's tests is compiled in one way: for each further one, Go's library and all modules are compiled
# once more. With more memory the compiler takes a seventh less; no test may be given that (GOGC).
export CGO_ENABLED = 0
# What reads scripts and units is as fast without the loops of its helpers in a hundred places, and the binary 0.2 MiB
# smaller, as the promise of its size has it.
SMALLER  = $(foreach package,pidproof/cmd/pidproof/internal/audit pidproof/cmd/pidproof/internal/ondemand mvdan.cc/sh/v3/syntax,-gcflags=$(package)=-l)
GOFLAGS := $(strip $(filter-out -trimpath $(SMALLER),$(GOFLAGS)) -trimpath $(SMALLER))
export GOFLAGS
COMPILE  = GOGC=400

.PHONY: build completion demo test test-lab test-others test-compare test-product race-compiled test-attack test-rest attack audit-census healing census bench compare lint readme architecture notices fuzz install uninstall clean packages tarball rpm apk release always deb dsc deb-check fleet

build: bin/pidproof completion

# A file target, so that `sudo make install` after `make` needs no Go.
SOURCES  = $(shell find cmd matcher -name '*.go') go.mod go.sum NEWS.md $(wildcard VERSION .git/logs/HEAD .git/refs/tags)
GOBUILD  = $(COMPILE) go build -buildvcs=false -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
bin/pidproof: $(SOURCES)
	$(GOBUILD) -o $@ ./cmd/pidproof

# For a package, by the architecture's name in Go: each time, whatever version was built before.
bin/%/pidproof: always
	GOOS=linux GOARCH=$* $(GOBUILD) -o $@ ./cmd/pidproof

# What bash, zsh and fish complete, from the grammar. This machine runs what makes it, whatever pidproof is built for.
COMPLETION = bin/completion/pidproof bin/completion/_pidproof bin/completion/pidproof.fish
completion: $(COMPLETION)
$(COMPLETION) &: $(shell find cmd matcher testdata/completion -name '*.go' -o -name '*.tmpl') go.mod go.sum
	@mkdir -p bin/completion
	GOOS= GOARCH= $(COMPILE) go run -tags grammar ./cmd/pidproof >bin/completion/.grammar
	GOOS= GOARCH= $(COMPILE) go run ./testdata/completion -to bin/completion <bin/completion/.grammar
	@rm bin/completion/.grammar

# Not `go tool`, which compiles in a way of its own. They are called by their whole path: what has another is what anything
# may be to root without CAP_SYS_PTRACE, whom a test asks.
bin/tools/%: testdata/tools/go.mod testdata/tools/go.sum
	@$(COMPILE) go -C testdata/tools build -o "$(CURDIR)/$@" $(filter %/$*,$(TOOLS))
	@touch $@

# It says what it does before it does it: on a new machine it builds for minutes.
demo:
	@echo 'make demo: shows Debian bug #868861, live. It needs no root, works in a folder of its own, and installs nothing.' >&2
	@$(MAKE) --no-print-directory -q bin/pidproof 2>/dev/null || { \
		echo 'Building pidproof. The first time, Go downloads its modules, and compiles for a minute or more...'; \
		$(MAKE) --no-print-directory bin/pidproof; \
	} >&2
	@sh testdata/demo.sh

packages:
	@sh testdata/packages.sh

# The binary first: several tests call `make install` at the same time. Whatever a test waits for has a limit of its own
# (testdata/waiting); the time-out ends a test that hangs by itself. Three run at a time, as much of it waits. Beside the
# comparison only the lab, on hosts of its own: it has a process whose arguments cannot be read, by nobody on the machine.
test: packages bin/pidproof completion bin/tools/gotestsum
	@$(MAKE) --no-print-directory -k -j3 'RACE=$(RACE)' test-lab test-others

test-lab:
	@$(call tests,,./testdata/lab)
test-others:
	@code=0; $(MAKE) --no-print-directory -k test-compare race-compiled || code=1; \
	$(MAKE) --no-print-directory -k test-product test-rest test-attack || code=1; exit $$code
test-compare:
	@$(call tests,,./testdata/compare)
# What is delivered is what the race detector is for: what checks it calls it as a program.
test-product:
	@$(call tests,$(RACE),./...)
race-compiled: # all that it is compiled for once more, while the comparison waits
	@[ -z "$(RACE)" ] || { CGO_ENABLED=1; $(COMPILE); export CGO_ENABLED GOGC; \
		go build $(RACE) $(NODWARF) $$(go list -deps -test -f '{{if not .ForTest}}{{.ImportPath}}{{end}}' ./... | grep -v '\.test$$'); }
test-attack:
	@$(call tests,,$(ATTACKS))
test-rest:
	@$(call tests,,$(filter-out ./... ./testdata/lab ./testdata/compare $(ATTACKS),$(PACKAGES)))
	$(COMPILE) go -C testdata/tools test -count=1 ./...
	$(COMPILE) go -C scripts/packages test -count=1 ./...

NODWARF = -gcflags=all=-dwarf=false
# $(call tests,-race or not,PACKAGES): `make lint` has vetted all of it; only a debugger would ask for DWARF.
tests = { CGO_ENABLED=$(if $(1),1,0) $(COMPILE) "$(CURDIR)/bin/tools/gotestsum" --format pkgname --format-hide-empty-pkg \
	--post-run-command 'sh testdata/leftout.sh' -- $(1) $(if $(1),$(NODWARF)) -ldflags=-w \
	-exec 'env -u GOGC CGO_ENABLED=0' -vet=off -count=1 -timeout 3h -p "$$((($$(nproc) + 1) / 2))" -parallel "$$((2 * $$(nproc)))" $(2) || \
	{ echo "make test: failed in: $(2)"; false; }; }

# The hostile tests at length, as root: some hours. Writes the table of docs/threat-model.md, if all hold. First the rows of
# the table by themselves: beside the faults, for which strace runs dozens of programs at a time, a user's crowd is more than
# this machine can look at within a question's deadline.
# ONLY=TestLateWrapper tries one anew, and leaves the others' numbers as they were.
ATTACKS = ./testdata/attack $(wildcard ./testdata/histories ./testdata/faults)
attack: bin/pidproof
	@sh testdata/packages.sh attack
	@results=$$(mktemp) || exit; PIDPROOF_ATTACK=1 PIDPROOF_ATTACK_RESULTS=$$results; export PIDPROOF_ATTACK PIDPROOF_ATTACK_RESULTS; \
	code=0; play() { go test -count=1 -timeout 24h $(if $(ONLY),-run '^$(ONLY)$$') "$$@" || code=$$?; }; \
	play ./testdata/attack; play $(filter-out ./testdata/attack,$(ATTACKS)); \
	go test -count=1 -timeout 2h -run '^$(or $(ONLY),TestReusedPID.*)$$' ./cmd/pidproof || code=$$?; \
	[ "$$code" != 0 ] || go run ./testdata/attack/page -results "$$results" -only '$(ONLY)' || code=$$?; rm -f "$$results"; exit $$code

# Debian's own packages, installed, upgraded and removed while clients knock: the tables of docs/ondemand.md. As root. What
# was seen of each is kept: ONLY="rtkit gpsd" looks at these anew, and takes the others as they were.
CENSUS = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/pidproof-census
census: packages bin/pidproof
	@mkdir -p "$(CENSUS)"; [ "$(ONLY)" ] || rm -f "$(CENSUS)/results"; code=0; \
	PIDPROOF_CENSUS="$(CENSUS)/results" PIDPROOF_CENSUS_ONLY="$(ONLY)" go test -count=1 -timeout 4h -parallel "$$(nproc)" \
		-run '^TestCensus$$' ./testdata/census || code=$$?; \
	go run ./testdata/census/page -results "$(CENSUS)/results" || code=$$?; exit $$code

# A real ansible over ssh on two booted hosts, as docs/fleets.md has it. As root; minutes.
fleet: bin/pidproof
	@sh testdata/packages.sh fleet
	go vet -tags fleet ./testdata/lab
	go test -tags fleet -count=1 -timeout 1h -run '^TestAnsible$$' ./testdata/lab

# How fast it is, beside what it replaces; CHECK=1 fails when it is slower than promised. ONLY=scan or ONLY=stop: one half.
bench: bin/pidproof
	go run ./testdata/bench $(if $(CHECK),-check) $(if $(ONLY),-only $(ONLY))

# The same questions to every tool, in docs/comparison.md; fails unless pidproof is right everywhere. As root.
compare: packages bin/pidproof
	go run ./testdata/compare -readme README.md

# Audits the init scripts of a thousand packages, 600 MB the first time; writes docs/audit.md and scripts/patches.
audit-census: bin/pidproof
	go run ./testdata/audit/census

# The patches in every state of their daemons, beside the scripts as Debian has them: docs/healing.md. As root, half an
# hour and more. What is finished is kept in bin/healing, and not done again before `make clean`.
healing: packages bin/pidproof
	@mkdir -p bin/healing; code=0; \
	PIDPROOF_HEALING=$(CURDIR)/bin/healing go test -count=1 -timeout 4h -parallel 2 -v -run '^TestPatchesHeal$$' ./testdata/lab || code=$$?; \
	go run ./testdata/healing/page -results bin/healing || code=$$?; exit $$code

lint: export GOGC = 400
lint: packages completion bin/tools/staticcheck
	@gofmt -l . | awk '{ print "not formatted: " $$0 } END { exit NR > 0 }'
	go vet $(PACKAGES)
	go vet -tags grammar ./cmd/pidproof
	"$(CURDIR)/bin/tools/staticcheck" $(PACKAGES)
	go -C testdata/tools vet ./...
	cd testdata/tools && "$(CURDIR)/bin/tools/staticcheck" ./...
	go -C scripts/packages vet ./...
	cd scripts/packages && "$(CURDIR)/bin/tools/staticcheck" ./...
	shellcheck $(SCRIPTS)
	shellcheck -s sh lsb/init-functions lsb/init-functions.d/*
	shellcheck -s bash bin/completion/pidproof
	zsh -n bin/completion/_pidproof
	fish --no-execute bin/completion/pidproof.fish
	mandoc -T lint -W warning $(PAGES)
	go run ./testdata/architecture -check

# The licences of what the static binary holds; they ask to go with it.
notices:
	@go list -deps -f '{{with .Module}}{{if .Version}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/pidproof | sort -u | \
	while read -r path version dir; do \
		printf '==== %s %s ====\n\n' "$$path" "$$version"; \
		for file in "$$dir"/LICENSE* "$$dir"/COPYING "$$dir"/NOTICE; do [ ! -f "$$file" ] || { cat "$$file"; echo; }; done; \
	done >docs/third-party-notices.txt
	@{ printf '==== the Go standard library ====\n\n'; cat "$$(go env GOROOT)/LICENSE"; } >>docs/third-party-notices.txt

# What the README shows of the demo, and of hosts that boot; these as root, some minutes.
readme: bin/pidproof
	go test ./cmd/pidproof -run '^TestReadmeDemo$$' -update
	go test ./testdata/lab -run '^TestReadme' -timeout 1h -update

# What docs/architecture.md shows of the code.
architecture:
	go run ./testdata/architecture

fuzz:
	@for package in $$(go list $(PACKAGES)); do \
		for target in $$(go test -list '^Fuzz' "$$package" | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$package" || exit 1; \
		done; \
	done

# Of each page of the manual its file, directory and section, and the names in its NAME that it is found by, too.
each_page = for page in $(notdir $(PAGES)); do \
		section=$${page\#\#*.}; dir=$(MANDIR)/man$$section; \
		names=$$(sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([^ ]*\).*/\1/p' "docs/$$page" | sed 1d);

# Unquoted below: a place with a blank in it is two, and uninstall would remove both.
no_blanks = $(foreach place,DESTDIR PREFIX DOCDIR MANDIR HOOKDIR SHAREDIR BASHDIR ZSHDIR FISHDIR,$(if $(word 2,$($(place))),\
	$(error make $@: there must be no blank in $(place): $($(place)))))

# Each file appears whole under its name, and the hook last: init scripts may be running. A page's links to the sources,
# which are not beside it there, are words only.
install: bin/pidproof completion
	$(no_blanks)
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(DOCDIR) $(DESTDIR)$(HOOKDIR)
	install -m 755 bin/pidproof $(DESTDIR)$(PREFIX)/sbin/.pidproof.new
	mv -f $(DESTDIR)$(PREFIX)/sbin/.pidproof.new $(DESTDIR)$(PREFIX)/sbin/pidproof
	@$(each_page) \
		echo "$$dir/$$page"; install -d "$(DESTDIR)$$dir" && \
		sed 's,/usr/share/pidproof,$(SHAREDIR),g; s,/lib/lsb/init-functions.d,$(HOOKDIR),g' "docs/$$page" >"$(DESTDIR)$$dir/.new" && \
		chmod 644 "$(DESTDIR)$$dir/.new" && mv -f "$(DESTDIR)$$dir/.new" "$(DESTDIR)$$dir/$$page" || exit; \
		for name in $$names; do \
			printf '.so man%s/%s\n' "$$section" "$$page" >"$(DESTDIR)$$dir/.new" && \
			chmod 644 "$(DESTDIR)$$dir/.new" && mv -f "$(DESTDIR)$$dir/.new" "$(DESTDIR)$$dir/$$name.$$section" || exit; \
		done; \
	done
	install -m 644 LICENSE docs/third-party-notices.txt $(DESTDIR)$(DOCDIR)
	for page in audit-json doctor-json explain-json fleets list-json triggers-json multiple-instances threat-model SECURITY; do \
		sed 's,\[\([^]]*\)\](\.\./[^)]*),\1,g' "docs/$$page.md" >"$(DESTDIR)$(DOCDIR)/.new" && \
		chmod 644 "$(DESTDIR)$(DOCDIR)/.new" && mv -f "$(DESTDIR)$(DOCDIR)/.new" "$(DESTDIR)$(DOCDIR)/$$page.md" || exit; \
	done
	install -d $(DESTDIR)$(SHAREDIR)
	for script in $(WRAPPERS) example.init check_pidproof complete; do \
		sed 's,/usr/sbin/pidproof,$(PREFIX)/sbin/pidproof,g' "scripts/$$script" >"$(DESTDIR)$(SHAREDIR)/.new" && \
		chmod 755 "$(DESTDIR)$(SHAREDIR)/.new" && mv -f "$(DESTDIR)$(SHAREDIR)/.new" "$(DESTDIR)$(SHAREDIR)/$$script" || exit; \
	done
	@for place in $(BASHDIR)/pidproof $(ZSHDIR)/_pidproof $(FISHDIR)/pidproof.fish; do \
		echo "$$place"; install -d "$(DESTDIR)$${place%/*}" && \
		sed 's,/usr/share/pidproof,$(SHAREDIR),g' "bin/completion/$${place##*/}" >"$(DESTDIR)$${place%/*}/.new" && \
		chmod 644 "$(DESTDIR)$${place%/*}/.new" && mv -f "$(DESTDIR)$${place%/*}/.new" "$(DESTDIR)$$place" || exit; \
	done
	for file in $(APTHOOK) default prometheus/alerts.yml; do \
		sed 's,/usr/sbin/pidproof,$(PREFIX)/sbin/pidproof,g' "scripts/$$file" >"$(DESTDIR)$(SHAREDIR)/.new" && \
		chmod 644 "$(DESTDIR)$(SHAREDIR)/.new" && mv -f "$(DESTDIR)$(SHAREDIR)/.new" "$(DESTDIR)$(SHAREDIR)/$${file##*/}" || exit; \
	done
	@find scripts/ansible -type f | while read -r file; do \
		place="$(DESTDIR)$(SHAREDIR)/$${file#scripts/}"; \
		install -d "$${place%/*}" && install -m 644 "$$file" "$$place" || exit; \
	done
	sed 's,/usr/sbin/pidproof,$(PREFIX)/sbin/pidproof,g; s,/lib/lsb/init-functions.d,$(HOOKDIR),g' lsb/init-functions >$(DESTDIR)$(SHAREDIR)/.new
	chmod 644 $(DESTDIR)$(SHAREDIR)/.new
	mv -f $(DESTDIR)$(SHAREDIR)/.new $(DESTDIR)$(SHAREDIR)/init-functions
	sed 's,/usr/sbin/pidproof,$(PREFIX)/sbin/pidproof,' lsb/init-functions.d/60-pidproof >$(DESTDIR)$(HOOKDIR)/.60-pidproof.new
	chmod 644 $(DESTDIR)$(HOOKDIR)/.60-pidproof.new
	mv -f $(DESTDIR)$(HOOKDIR)/.60-pidproof.new $(DESTDIR)$(HOOKDIR)/60-pidproof

# What is held off is restored first: nobody else could. Then the wrapper goes: it would work, but what takes it away
# would be gone.
uninstall:
	$(no_blanks)
	@if [ -z "$(DESTDIR)" ] && [ -x $(PREFIX)/sbin/pidproof ] && [ "$$(id -u)" = 0 ]; then \
		$(PREFIX)/sbin/pidproof unquiesce --all || \
			{ echo "make uninstall: what is held off could not be restored: pidproof unquiesce --all must succeed first" >&2; exit 1; }; \
	fi
	@if [ -z "$(DESTDIR)" ] && [ -e $(SHAREDIR)/divert ] && command -v dpkg-divert >/dev/null && [ "$$(id -u)" = 0 ]; then \
		for name in start-stop-daemon invoke-rc.d deb-systemd-invoke; do \
			code=0; sh $(SHAREDIR)/divert status $$name >/dev/null 2>&1 || code=$$?; \
			[ $$code = 3 ] || sh $(SHAREDIR)/divert remove $$name || exit; \
		done; \
	fi
	@functions="$(DESTDIR)$(dir $(HOOKDIR))init-functions"; [ "$$(readlink "$$functions")" != "$(SHAREDIR)/init-functions" ] || rm -f "$$functions"
	rm -f $(DESTDIR)$(HOOKDIR)/60-pidproof $(DESTDIR)$(PREFIX)/sbin/pidproof
	rm -f $(DESTDIR)$(BASHDIR)/pidproof $(DESTDIR)$(ZSHDIR)/_pidproof $(DESTDIR)$(FISHDIR)/pidproof.fish
	@$(each_page) for name in "$${page%.*}" $$names; do rm -f "$(DESTDIR)$$dir/$$name.$$section"; done; done
	@for dir in $(DESTDIR)$(DOCDIR) $(DESTDIR)$(SHAREDIR); do \
		case $$dir in \
		*/pidproof | */pidproof-[0-9]*) echo "rm -rf $$dir"; rm -rf "$$dir" || exit ;; \
		*) echo "make uninstall: $$dir may hold more than pidproof's: it is left to you" >&2 ;; \
		esac; \
	done

# Debian packages, for each architecture and for all, without root and the same bytes each time; and their source package,
# which Debian 13 builds without a network. debian/ is kept in scripts/debian, so that no distribution finds it in its way.
ARCHES     = amd64 arm64 armhf i386 ppc64el riscv64 s390x
STAGE      = bin/debian
EPOCH      = $(or $(SOURCE_DATE_EPOCH),$(shell sh scripts/version date))
changelog  = mkdir -p $(dir $(1)); printf 'pidproof ($(VERSION)) unstable; urgency=medium\n\n  * NEWS.gz has what is new.\n\n%s\n' \
	" -- $$(sed -n 's/^Maintainer: //p' $(2)/control)  $$(date -uR -d @$(EPOCH))" >$(1)
tools      = for tool in $(1); do command -v $$tool >/dev/null || \
	{ echo "make $@: $$tool is missing; Debian has it in $(2)" >&2; exit 1; }; done

go.amd64 = GOARCH=amd64
go.arm64 = GOARCH=arm64
go.armhf = GOARCH=arm GOARM=7
go.i386  = GOARCH=386 GO386=softfloat # Debian 12 asks for no SSE2
go.ppc64el = GOARCH=ppc64le
go.riscv64 = GOARCH=riscv64
go.s390x = GOARCH=s390x

bin/deb/%/pidproof: $(SOURCES)
	$(go.$*) $(GOBUILD) -o $@.$$$$ ./cmd/pidproof && mv -f $@.$$$$ $@

deb:
	@$(call tools,dpkg-deb dpkg-gencontrol dpkg-parsechangelog gzip,the package dpkg-dev)
	@$(call tools,go,golang-go (1.24 or newer: that of Debian 13 or of the backports for 12))
	@$(call changelog,$(STAGE).changelog,scripts/debian)
	@rm -f $(DIST)/*.deb
	@SOURCE_DATE_EPOCH=$(EPOCH) $(MAKE) -s -f scripts/debian/rules binary CHANGELOG=$(STAGE).changelog 'ARCHES=$(ARCHES)' 'DIST=$(DIST)'
	@rm -rf $(STAGE) $(STAGE).changelog
	@echo 'make deb: $(VERSION), in $(DIST):'; cd $(DIST) && ls -s -k *.deb

# `make test` tries some of it. As root.
deb-check: bin/pidproof
	@sh testdata/packages.sh attack
	@PIDPROOF_ATTACK=1 go test -count=1 -timeout 4h -v ./testdata/debian ./testdata/release
	@PIDPROOF_ATTACK=1 go test -count=1 -timeout 4h -v -run '^TestDebs' ./testdata/lab

dsc:
	@$(call tools,dpkg-source dpkg-parsechangelog git,the packages dpkg-dev and git)
	@set -e; source=$(STAGE).source/pidproof-$(VERSION); rm -rf $(STAGE).source; mkdir -p $$source $(DIST); \
	git ls-files -z | tar -c --null --verbatim-files-from -T - | tar -x -C $$source; \
	mv $$source/scripts/debian $$source/debian; rm -rf $$source/.ci $$source/.gitignore; \
	echo '$(VERSION)' >$$source/VERSION; \
	$(call changelog,$$source/debian/changelog,$$source/debian); \
	go mod vendor -o $(abspath $(STAGE).source)/pidproof-$(VERSION)/vendor; \
	find $$source -exec touch -hd @$(EPOCH) {} +; \
	cd $(STAGE).source; SOURCE_DATE_EPOCH=$(EPOCH) dpkg-source --build pidproof-$(VERSION) >/dev/null; \
	rm -f $(abspath $(DIST))/*.dsc $(abspath $(DIST))/pidproof_*.tar.xz; mv *.dsc *.tar.xz $(abspath $(DIST))
	@rm -rf $(STAGE).source
	@echo 'make dsc: $(VERSION), in $(DIST):'; cd $(DIST) && ls -s -k *.dsc pidproof_*.tar.xz

# The sources as they are released, with the modules that they are built of.
tarball:
	@sh scripts/tarball "$(DIST)"

# Packages for the others, without root: .rpm for RHEL and its like, whose /lib is a link, and .apk for Alpine.
LAYOUT     = PREFIX=/usr WRAPPERS= APTHOOK=
LAYOUT.rpm = HOOKDIR=/usr/lib/lsb/init-functions.d
LAYOUT.apk = HOOKDIR=/lib/lsb/init-functions.d
RPM_ARCHES = amd64 arm64
APK_ARCHES = amd64 arm64
rpm: $(RPM_ARCHES:%=bin/%/pidproof)
	@$(foreach arch,$(RPM_ARCHES),$(call package,rpm,$(arch)) &&) :
apk: $(APK_ARCHES:%=bin/%/pidproof)
	@$(foreach arch,$(APK_ARCHES),$(call package,apk,$(arch)) &&) :
package = mkdir -p "$(DIST)" && rm -rf bin/$(1) && $(MAKE) -s install DESTDIR=bin/$(1) $(LAYOUT) $(LAYOUT.$(1)) >/dev/null && \
	install -m 755 bin/$(2)/pidproof bin/$(1)/usr/sbin/pidproof && sh scripts/packages/build $(1) $(2) bin/$(1) "$(DIST)" && rm -r bin/$(1)

# All of a release, in dist: nothing, or everything. README.md has the steps before and after.
PARTS = tarball deb dsc rpm apk
release:
	@sh scripts/release check $(PARTS)
	@rm -rf bin/*/pidproof bin/deb bin/release "$(DIST)"; mkdir -p bin/release
	@$(MAKE) -s $(PARTS) DIST=bin/release
	@sh scripts/release finish bin/release
	@mv bin/release "$(DIST)"

clean:
	rm -rf bin dist

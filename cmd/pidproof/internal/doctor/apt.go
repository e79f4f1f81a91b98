package doctor

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"pidproof/cmd/pidproof/internal/say"
)

const aptCall = `(?m)^DPkg::(Pre|Post)-Invoke:: ".*?(/[^ ;"]*/pidproof) after-upgrade( --before)?\b`

// apt: both calls are one file's, scripts/apt.conf; a copy of an older version has only one.
func apt(ctx context.Context, f *Finding) {
	config := program("apt-config")
	if config == "" {
		f.State = NotHere
		return
	}
	said, err := run(ctx, config, "dump")
	if err != nil {
		f.failed(fmt.Errorf("apt-config dump: %w", err))
		return
	}
	called := map[string]string{}
	for _, m := range regexp.MustCompile(aptCall).FindAllStringSubmatch(said, -1) {
		called[m[1]+strings.TrimSpace(m[3])] = m[2]
	}
	before, after := called["Pre--before"], called["Post"]
	remedy := aptRemedy(ctx, share("apt.conf"))
	switch {
	case after == "":
		f.add(ToDo, "apt does not call pidproof: nobody is told what runs an old binary after an upgrade", remedy)
	case before == "":
		f.add(ToDo, "apt calls pidproof after dpkg only: an instance that goes down is not named", remedy)
	case !isProgram(after):
		f.add(ToDo, "apt calls "+after+", which is not there", remedy)
	default:
		f.add(Well, "apt calls pidproof before and after dpkg")
	}
}

// aptRemedy puts apt's hook in place. The Debian package has it there itself, and no other copy: what an administrator has
// removed of a package's configuration comes back only if he asks for it (dpkg(1), --force-confmiss).
func aptRemedy(ctx context.Context, from string) string {
	if _, err := os.Stat(from); err != nil {
		return reinstall(ctx, "pidproof", "-o", "Dpkg::Options::=--force-confmiss")
	}
	return say.Command("cp", from, "/etc/apt/apt.conf.d/90pidproof")
}

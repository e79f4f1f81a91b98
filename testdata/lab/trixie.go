package lab

import (
	"os"
	"sync"
	"testing"

	"pidproof/testdata/debs"
)

// debian is a release that tests run on.
type debian struct {
	name        string
	boot        func(*testing.T) *Host // under sysvinit
	bootSystemd func(*testing.T) *Host
	few         bool // it is the second: what costs much was tried on the first
}

var (
	machines = debian{"this machine", Boot, BootSystemd, false}
	trixie   = debian{"Debian 13", bootTrixie, bootTrixieSystemd, false}
)

// onBoth runs a test on hosts of this machine's release, and of Debian 13. Outside CI it is the chosen one.
func onBoth(t *testing.T, test func(*testing.T, debian)) {
	t.Helper()
	t.Parallel()
	releases := []debian{chosen()}
	if os.Getenv("CI") != "" && releases[0].name == machines.name {
		second := trixie
		second.few = true
		releases = append(releases, second)
	}
	for _, d := range releases {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

// chosen is this machine's release, or with PIDPROOF_LAB=trixie Debian 13.
func chosen() debian {
	if os.Getenv("PIDPROOF_LAB") == "trixie" {
		return trixie
	}
	return machines
}

var installedTrixie = sync.OnceValues(debs.Trixie)

func newTrixie(t *testing.T) debs.Debian {
	t.Helper()
	needs(t)
	d, err := installedTrixie()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func bootTrixie(t *testing.T) *Host {
	t.Helper()
	return (&Host{debian: newTrixie(t)}).boot(t, "sysvinit")
}

func bootTrixieSystemd(t *testing.T) *Host {
	t.Helper()
	return bootSystemd(t, newTrixie(t))
}

// Witness runs in a host, as root: it has dpkg do something to a package, while it knocks at everything that could start
// the package's services, and tells what systemd did meanwhile. What it needs of the host are dpkg, systemctl,
// journalctl, ss and dbus-send.
//
// usage: witness install|upgrade|remove PACKAGE; prints a census.Seen. install only tells what has been called.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"pidproof/testdata/census"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: witness install|upgrade|remove PACKAGE")
		os.Exit(4)
	}
	seen, err := watch(census.Operation(os.Args[1]), os.Args[2])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(seen)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "witness: %s %s: %v\n", os.Args[1], os.Args[2], err)
		os.Exit(1)
	}
}

func watch(operation census.Operation, name string) (*census.Seen, error) {
	w := &witness{seen: census.Seen{Package: name, Operation: operation}}
	switch operation {
	case census.Install:
		return &w.seen, w.called()
	case census.Upgrade:
		file, err := w.repacked()
		if err != nil {
			return nil, err
		}
		// What needs exactly the old version is not deconfigured; and nobody can be asked about conffiles.
		return &w.seen, w.operate("--force-depends", "--force-confold", "--install", file)
	case census.Remove:
		return &w.seen, w.operate("--force-depends", "--force-remove-essential", "--force-remove-protected", "--remove", name)
	}
	return nil, fmt.Errorf("no such operation: %s", operation)
}

// Package instances knows the instances of this host: those that are registered, what
// each of them runs (instance.go), which of them words on a command line mean
// (selection.go), and the list of all, with what no pidfile accounts for (listing.go),
// as a table (text.go), an object (json.go) or metrics (prometheus.go).
package instances

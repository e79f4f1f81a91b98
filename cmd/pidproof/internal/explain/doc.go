// Package explain says in words, or in JSON, what matcher has found out about one
// instance: the verdict in a line (summary.go), the whole page (text.go, tree.go), the
// object for programs (json.go), and one safe next step (advice.go).
package explain

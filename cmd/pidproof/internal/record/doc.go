// Package record puts on record what pidproof did to processes: a line each in the
// host's log, with who asked, whom it reached, and what proved him. Where nobody keeps a
// log, or does not take it at once, the line is lost: nothing waits for it.
package record

// Package handover becomes another program: a daemon, or the real one of those that
// pidproof stands before. It finds that one where dpkg-divert(1) has put it, or in
// PATH, and never takes pidproof itself for it.
package handover

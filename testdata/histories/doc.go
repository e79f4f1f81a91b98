// Package histories proves the whole table at random: it makes histories of real
// processes, files and pidfiles, whose answers are known by construction, and asks
// `check`, `pidof`, `list`, `killproc` and `adopt`.
//
//	namespace.go, lab.go       PID and mount namespaces of their own, and what lies in them
//	daemon/histd.c, process.go processes that get the numbers they are told
//	tree.go, pidfile.go        the daemons' files and names, and the pidfiles
//	world.go                   what is true at one moment of a history
//	step.go                    what may happen next:
//	starts.go, upgrades.go, pidfiles.go, recycle.go
//	acts.go                    and killproc and adopt, whose acts are judged at once
//	identity.go, lateness.go, verdict.go, claims.go
//	                           what has to be answered, from the truth alone
//	questions.go, list.go      what is answered
//	play.go                    one history
//
// The model is written to the design and the manual, not to the code: it shares
// nothing with package matcher. Where the contract allows two answers, it gives both,
// and says why. A model that allows everything finds nothing: known_test.go says where
// it has to be sure.
//
// `make test` plays a few hundred histories, with PIDPROOF_ATTACK set it is 20,000. A
// history that fails is cut down to few steps, and printed with what repeats it:
//
//	go test ./testdata/histories -run Random -rapid.seed=N
package histories

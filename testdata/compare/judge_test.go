package main

import "testing"

func TestJudge(t *testing.T) {
	byName := map[string]tool{}
	for _, t := range tools {
		byName[t.name] = t
	}
	q := func(status string, pids ...string) question {
		return question{Status: status, Pids: pids, Processes: map[string]int{"A": 7, "B": 8}}
	}
	no := func(exit int, stdout, stderr string) outcome {
		return outcome{Exit: exit, Stdout: stdout, Stderr: stderr}
	}
	for _, c := range []struct {
		tool, kind string
		question   question
		said       outcome
		want       cell
	}{
		{"pidproof", askStatus, q(running), no(0, "", ""), right},
		{"pidproof", askStatus, q(running), no(150, "", ""), wrong},
		{"pidproof", askStatus, q(notRunning), no(3, "", ""), right},
		{"pidproof", askStatus, q(unclaimed), no(150, "", ""), right},
		{"pidproof", askStatus, q(unclaimed), no(1, "", ""), wrong}, // it has a word for it
		{"pidproof", askStatus, q(cannotTell), no(4, "", ""), right},
		{"pidproof", askStatus, q(running), no(4, "", ""), wrong},
		{"pidproof", askStatus, q(running), no(128+11, "", ""), wrong},
		{"dpkg's start-stop-daemon", askStatus, q(unclaimed), no(1, "", ""), right},
		{"dpkg's start-stop-daemon", askStatus, q(cannotTell), no(4, "", "x"), right},
		{"dpkg's start-stop-daemon", askStatus, q(cannotTell), no(1, "", ""), wrong},
		{"busybox start-stop-daemon", askStatus, q(cannotTell), no(1, "", "can't open"), right},
		{"busybox start-stop-daemon", askStatus, q(notRunning), no(1, "none killed\n", ""), right},
		{"pidof", askStatus, q(running), no(0, "", ""), noQuestion},
		{"pidof", askPids, q("", "A", "B"), no(0, "8 7\n", ""), right},
		{"pidof", askPids, q("", "A", "B"), no(0, "8\n", ""), wrong},
		{"pidof", askPids, q("", "A"), no(0, "8 7\n", ""), wrong},
		{"pidof", askPids, q("", "none"), no(1, "", ""), right},
		{"pidof", askPids, q("", "none"), no(4, "", ""), wrong},
		{"pidof", askPids, q("", cannotTell), no(1, "", ""), wrong},
		{"pidproof", askPids, q("", cannotTell), no(4, "", "x"), right},
		{"pidof", askPids, q("", "A"), no(0, "x\n", ""), wrong},
		{"busybox start-stop-daemon", askPids, q("", "A", "B"), no(0, "stopped /d (pid 7 8)\n", ""), right},
		{"busybox start-stop-daemon", askPids, q("", "none"), no(1, "no /d found; none killed\n", ""), right},
		{"dpkg's start-stop-daemon", askPids, q("", "A", "B"),
			no(0, "Would send signal 15 to 8.\nWould send signal 15 to 7.\n", ""), right},
		{"dpkg's start-stop-daemon", askPids, q("", "A"), no(0, "", ""), wrong},
		{"dpkg's start-stop-daemon", askPids, q("", "A"), no(2, "", "unable to stat"), wrong},
		{"pidof", askPids, q("", "A"), outcome{Hung: true}, hang},
	} {
		p := played{question: c.question}
		if got := p.judge(byName[c.tool], answer{c.tool, c.kind, c.said}); got != c.want {
			t.Errorf("%s about %+v says %+v: %s, want %s", c.tool, c.question, c.said, got, c.want)
		}
	}
}

// Of two questions the worse answer counts.
func TestCell(t *testing.T) {
	good := answer{"pidproof", askStatus, outcome{}}
	bad := answer{"pidproof", askPids, outcome{}}
	hung := answer{"pidproof", askPids, outcome{Hung: true}}
	q := question{Status: running, Pids: []string{"A"}, Processes: map[string]int{"A": 7}}
	for _, c := range []struct {
		answers []answer
		want    cell
	}{
		{nil, noQuestion},
		{[]answer{good}, right},
		{[]answer{good, bad}, wrong},
		{[]answer{bad, good}, wrong},
		{[]answer{bad, hung}, hang},
		{[]answer{hung, bad, good}, hang},
		{[]answer{{"pidof", askPids, outcome{Exit: 1}}}, noQuestion},
	} {
		p := played{question: q, answers: c.answers}
		if got := p.cell(tools[0]); got != c.want {
			t.Errorf("%+v: %s, want %s", c.answers, got, c.want)
		}
	}
}

func TestHeard(t *testing.T) {
	q := question{Daemon: "/mnt/x y", Pidfile: "/run/x.pid", Processes: map[string]int{"A": 12}, Gone: map[string]int{"B": 13}}
	for _, c := range []struct {
		said outcome
		want string
	}{
		{outcome{Hung: true}, "hangs"},
		{outcome{Exit: 1}, "says nothing, exit 1"},
		{outcome{Stdout: "12 13 123\nmore\n"}, "says `$A $B 123`, exit 0"},
		{outcome{Exit: 2, Stderr: "/tmp/a1/tool: /mnt/x y: see '/run/x.pid'\n"}, "says `tool: D: see 'F'`, exit 2"},
		{outcome{Stdout: "a\x1b`|\u202e\n"}, `says ` + "`" + `a\x1b'\x7c\u202e` + "`" + `, exit 0`},
	} {
		if got := q.heard(c.said); got != c.want {
			t.Errorf("%+v: %q, want %q", c.said, got, c.want)
		}
	}
}

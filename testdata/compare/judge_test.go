package main

import (
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	byName := map[string]tool{}
	for _, t := range tools {
		byName[t.name] = t
	}
	q := func(status string, pids ...string) question {
		return question{Status: status, Pids: pids, Processes: map[string]int{"A": 7, "B": 8}}
	}
	said := func(exit int, stdout, stderr string) outcome {
		return outcome{Exit: exit, Stdout: stdout, Stderr: stderr}
	}
	for _, c := range []struct {
		tool, kind string
		question   question
		heard      outcome
		want       cell
	}{
		{"pidproof", askStatus, q(running), said(0, "", ""), right},
		{"pidproof", askStatus, q(running), said(150, "", ""), wrong},
		{"pidproof", askStatus, q(notRunning), said(3, "", ""), right},
		{"pidproof", askStatus, q(unclaimed), said(150, "", ""), right},
		{"pidproof", askStatus, q(unclaimed), said(1, "", ""), wrong}, // it has a word for it
		{"pidproof", askStatus, q(cannotTell), said(4, "", ""), right},
		{"pidproof", askStatus, q(running), said(4, "", ""), wrong},
		{"pidproof", askStatus, q(running), said(128+11, "", ""), wrong},
		{"start-stop-daemon, Debian 12", askStatus, q(unclaimed), said(1, "", ""), right},
		{"start-stop-daemon, Debian 12", askStatus, q(cannotTell), said(4, "", "x"), right},
		{"start-stop-daemon, Debian 12", askStatus, q(cannotTell), said(1, "", ""), wrong},
		{"busybox start-stop-daemon", askStatus, q(cannotTell), said(1, "", "can't open"), right},
		{"busybox start-stop-daemon", askStatus, q(notRunning), said(1, "none killed\n", ""), right},
		{"pidproof", askStart, question{Start: no}, said(150, "", ""), right},
		{"pidproof", askStart, question{Start: no}, said(1, "", ""), wrong},
		{"pidproof", askStart, question{Start: yes}, said(3, "", ""), right},
		{"pidproof", askStart, question{Start: yes}, said(4, "", ""), wrong},
		{"start-stop-daemon, Debian 13", askStart, question{Start: no}, said(0, "Would start /d .\n", ""), wrong},
		{"start-stop-daemon, Debian 13", askStart, question{Start: no}, said(2, "", "unable to stat"), wrong},
		{"pidproof", askUnnamed, q(running), said(0, "", ""), right},
		{"pidproof", askUnnamed, q(running), said(3, "", ""), wrong},
		{"Debian's LSB functions", askUnnamed, q(unclaimed), said(3, "", ""), right},
		{"busybox start-stop-daemon", askStart, question{Start: no}, said(0, "", ""), noQuestion},
		{"pidof, Debian 12", askStatus, q(running), said(0, "", ""), noQuestion},
		{"pidof, Debian 12", askPids, q("", "A", "B"), said(0, "8 7\n", ""), right},
		{"pidof, Debian 12", askPids, q("", "A", "B"), said(0, "8\n", ""), wrong},
		{"pidof, Debian 12", askPids, q("", "A"), said(0, "8 7\n", ""), wrong},
		{"pidof, Debian 12", askPids, q("", "none"), said(1, "", ""), right},
		{"pidof, Debian 12", askPids, q("", "none"), said(4, "", ""), wrong},
		{"pidof, Debian 12", askPids, q("", cannotTell), said(1, "", ""), wrong},
		{"pidproof", askPids, q("", cannotTell), said(4, "", "x"), right},
		{"pidof, Debian 12", askPids, q("", "A"), said(0, "x\n", ""), wrong},
		{"busybox start-stop-daemon", askPids, q("", "A", "B"), said(0, "stopped /d (pid 7 8)\n", ""), right},
		{"busybox start-stop-daemon", askPids, q("", "none"), said(1, "no /d found; none killed\n", ""), right},
		{"start-stop-daemon, Debian 12", askPids, q("", "A", "B"),
			said(0, "Would send signal 15 to 8.\nWould send signal 15 to 7.\n", ""), right},
		{"start-stop-daemon, Debian 12", askPids, q("", "A"), said(0, "", ""), wrong},
		{"start-stop-daemon, Debian 12", askPids, q("", "A"), said(2, "", "unable to stat"), wrong},
		{"pidof, Debian 12", askPids, q("", "A"), outcome{Hung: true}, hang},
	} {
		p := played{question: c.question}
		if got := p.judge(byName[c.tool], answer{c.tool, c.kind, c.heard}); got != c.want {
			t.Errorf("%s about %+v says %+v: %s, want %s", c.tool, c.question, c.heard, got, c.want)
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
		{[]answer{{"pidof, Debian 12", askPids, outcome{Exit: 1}}}, noQuestion},
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

// What both releases' tools say is written once, what one says with its name, and where they differ is listed.
func TestReleases(t *testing.T) {
	said := func(tool string, stdout string) answer { return answer{tool, askPids, outcome{Stdout: stdout}} }
	q := question{Daemon: "/d", Pidfile: "/f", Pids: []string{"A"}, Processes: map[string]int{"A": 7, "B": 8}}
	c := comparison{peers{bookworm.pidof: found{}, trixie.pidof: found{}}, []*played{
		{scenario{header: header{Title: "mended"}}, q, []answer{said("pidof, Debian 12", "8\n"), said("pidof, Debian 13", "7\n")}},
		{scenario{header: header{Title: "as ever"}}, q, []answer{said("pidof, Debian 12", "8\n"), said("pidof, Debian 13", "8\n")}},
	}}
	if got, want := c.changes(), "- pidof:\n  - mended: was **wrong**, is right\n- pidof and grep:\n  - nothing\n"; !strings.Contains(got, want) {
		t.Errorf("%q, want %q in it", got, want)
	}
	const note = "- `pidof -c -x D` says `$B`, exit 0; right: $A"
	for i, want := range []string{note + " (Debian 12)\n", note + "\n"} {
		if got := c.plays[i].markdown(); !strings.HasSuffix(got, "\n\n"+want) {
			t.Errorf("%q, want %q at the end", got, want)
		}
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const goodHeader = "#!/bin/sh\n# title: t\n# from: f\n# right: r\n#   goes on\nset -eu\n"

func TestParseHeader(t *testing.T) {
	h, err := parseHeader(goodHeader)
	if want := (header{"t", "f", "r goes on"}); err != nil || h != want {
		t.Errorf("%+v, %v", h, err)
	}
	without := func(line string) string { return strings.Replace(goodHeader, line, "", 1) }
	for text, line := range map[string]string{
		"":                                                 "0:",
		"echo\n":                                           "1:",
		"#!/bin/bash\n":                                    "1:",
		"#!/bin/sh\necho\n":                                "2:",
		"#!/bin/sh\n#   goes on\n":                         "2:",
		"#!/bin/sh\n# title:\n":                            "2:",
		"#!/bin/sh\n# tilte: t\n":                          "2:",
		"#!/bin/sh\n# title: t\n# x\n":                     "3:",
		"#!/bin/sh\n# title: t\n# from:f":                  "3:",
		"#!/bin/sh\n# title: t\n# title: t\n":              "3:",
		without("# title: t\n"):                            "5:",
		without("# from: f\n"):                             "5:",
		without("# right: r\n#   goes on\n"):               "4:",
		strings.Replace(goodHeader, "goes", "|", 1):        "5:",
		strings.Replace(goodHeader, "goes", "\x1b[31m", 1): "5:",
		strings.Replace(goodHeader, "title: t", "title: a|b", 1): "2:",
	} {
		if _, err := parseHeader(text); err == nil || !strings.HasPrefix(err.Error(), line) {
			t.Errorf("%q: %v, want an error in line %s", text, err, line)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(goodHeader)
	files, err := filepath.Glob("scenarios/*.sh")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHeader(text)
		if err != nil {
			return
		}
		for _, value := range []string{h.Title, h.From, h.Right} {
			if value == "" || strings.ContainsAny(value, "\n|`<") || strings.ContainsFunc(value, unprintable) {
				t.Errorf("%q is in a header", value)
			}
		}
		again, err := parseHeader("#!/bin/sh\n# title: " + h.Title + "\n# from: " + h.From + "\n# right: " + h.Right + "\n")
		if err != nil || again != h {
			t.Errorf("%+v comes back as %+v, %v", h, again, err)
		}
	})
}

const goodQuestion = "daemon /d\npidfile /f\nprocess A 12\ngone B 13\nstatus running\npids A\n"

func TestParseQuestion(t *testing.T) {
	q, err := parseQuestion(goodQuestion)
	if err != nil || q.Daemon != "/d" || q.Pidfile != "/f" || q.Processes["A"] != 12 || q.Gone["B"] != 13 || q.Status != running {
		t.Errorf("%+v, %v", q, err)
	}
	for _, more := range []string{"", "x", "daemon /e", "status running", "pids A", "pids", "process A 14", "process C 1",
		"process c 14", "process C x", "process C", "user 0", "user x", "gone A 15", " "} {
		text := goodQuestion + more + "\n"
		if more == "gone A 15" {
			text = "daemon /d\npidfile /f\nstatus maybe\n"
		}
		if _, err := parseQuestion(text); err == nil {
			t.Errorf("%q is no error", text)
		}
	}
	for _, line := range []string{"daemon /d\n", "pidfile /f\n", "process A 12\n"} {
		if _, err := parseQuestion(strings.Replace(goodQuestion, line, "", 1)); err == nil {
			t.Errorf("without %q it is no error", line)
		}
	}
	if _, err := parseQuestion("daemon /d\npidfile /f\n"); err == nil {
		t.Error("it asks nothing, and is no error")
	}
}

// What is wrong says what is wanted.
func TestRemedies(t *testing.T) {
	for text, want := range map[string]string{
		"staus running\n":                     "want daemon, pidfile, process, gone, status, start, pids or user",
		"status maybe\n":                      "want running, not-running, unclaimed or cannot-tell",
		"pidfile /f\npids none\n":             "no `daemon` line",
		"daemon b/d\npidfile /f\n":            "no `daemon` line with an absolute path or a label",
		"daemon /d\npids none\n":              "no `pidfile` line",
		"daemon /d\npidfile /f\n\n":           "no such key",
		"daemon /d\npidfile /f\n":             "no `status`, `start` or `pids` line",
		"start maybe\n":                       "want yes or no",
		"daemon /d\npidfile none\nstart no\n": "no pidfile is given",
	} {
		if _, err := parseQuestion(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	trace := strings.NewReader("+7 true\n++8 webd\n")
	for want, said := range map[string]outcome{
		"line 8: not done after " + arranging.String() + "; a daemon in the foreground?": {Hung: true},
		"line 8: `webd` failed, exit 2":  {Exit: 2},
		"line 8: exit 2: no such option": {Exit: 2, Stderr: "no such option\n"},
	} {
		if got := failure(said, trace); !strings.HasPrefix(got, want) {
			t.Errorf("%+v: %s, want %s", said, got, want)
		}
	}
}

func FuzzParseQuestion(f *testing.F) {
	f.Add(goodQuestion)
	f.Add("daemon /d\npidfile none\nstatus running\n")
	f.Add("daemon /d\npidfile /f\nstart no\n")
	f.Add("daemon /d\npidfile /f\nuser 65533\nstatus cannot-tell\npids cannot-tell\n")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := parseQuestion(text)
		if err != nil {
			return
		}
		status := q.Status != ""
		for kind, truth := range map[string]bool{askStatus: status && q.named(), askUnnamed: status && !q.named(),
			askStart: q.Start != "", askPids: q.Pids != nil} {
			if q.asks(kind) != truth || truth && q.truth(kind) == "" {
				t.Errorf("%+v about %s", q, kind)
			}
		}
	})
}

// A scenario that does not arrange what it says is an error that names the file and, where it can, the line.
func TestBrokenScenario(t *testing.T) {
	ask := "daemon /mnt/d\npidfile /run/p\nstatus not-running\n"
	for name, c := range map[string]struct{ script, want string }{
		"header":    {"#!/bin/sh\n# title: x\n# form: y\n", "broken.sh:3: "},
		"fails":     {goodHeader + "true\n(\n\tfalse\n)\n", "broken.sh: line 9: `false` failed, exit 1\n"},
		"complains": {goodHeader + "true\ncat /mnt/nothing\n", "broken.sh: line 8: exit 1: cat: /mnt/nothing: No such file"},
		"unset":     {goodHeader + "echo \"$NOTHING\"\n", "broken.sh: line 7: "},
		"nonsense":  {goodHeader + "echo nonsense\n", `line 1 of what it says, "nonsense": no such key`},
		"gone":      {goodHeader + "cat <<END\n" + ask + "process A 4194304\nEND\n", "broken.sh: process A: none has the number 4194304"},
		"not gone":  {goodHeader + "cat <<END\n" + ask + "gone A $$\nEND\nsleep 1000 &\n", "keeps its output open"},
		"lives":     {goodHeader + "sleep 1000 >/run/out 2>&1 &\ncat <<END\n" + ask + "gone A $!\nEND\n", "broken.sh: process A"},
		"silent":    {goodHeader, "broken.sh: line 1 of what it says"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(dir+"/broken.sh", []byte(c.script), 0o644); err != nil {
				t.Fatal(err)
			}
			said, err := lab(t, "-scenarios", dir, "-out", dir+"/out.md").CombinedOutput()
			if err == nil || !strings.Contains(string(said), c.want) {
				t.Errorf("%v, and no %q in: %s", err, c.want, said)
			}
			if _, err := os.Stat(dir + "/out.md"); err == nil {
				t.Error("a table was written")
			}
		})
	}
}

// A tool that does harm is found out: the process it was asked about is no longer there.
func TestHarmIsFound(t *testing.T) {
	dir := t.TempDir()
	copyScenario(t, "replaced", dir)
	script := "#!/bin/sh\n[ \"$1\" != check ] || kill -KILL \"$(cat \"$3\")\"\n"
	if err := os.WriteFile(dir+"/killer", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	said, err := lab(t, "-scenarios", dir, "-out", dir+"/out.md", "-pidproof", dir+"/killer").CombinedOutput()
	if want := "the processes are no longer the same"; err == nil || !strings.Contains(string(said), want) {
		t.Errorf("%v, and no %q in: %s", err, want, said)
	}
}

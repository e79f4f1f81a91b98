package audit

import "testing"

// logrotate's scripts and cron's commands are shell inside of other files.
func TestSections(t *testing.T) {
	rotation := "/var/log/f {\n  weekly\n  postrotate\n    kill -HUP `cat /run/f.pid`\n  endscript\n}\n/x {\n prerotate\n killall f\n endscript\n}\n"
	if got := places(ofText(t, "/etc/logrotate.d/f", rotation)); got != "4 kill\n9 killall\n" {
		t.Errorf("of logrotate: %q", got)
	}
	// logrotate takes a word for one wherever it ends, and what is behind it for the script's first line.
	for text, want := range map[string]string{
		"/x { postrotate\n killall f\n endscript }\n":                                    "2 killall\n",
		"/x {\n postrotate # now\n killall f\n endscript # then\n}\n/y {\n nothing\n}\n": "3 killall\n",
		"/x {\n postrotate killall f\n endscript\n}\n":                                   "2 killall\n",
		"/x {\n # no postrotate\n killall f\n}\n":                                        "",
		"/x { weekly\n sharedscripts postrotate\n killall f\n\tendscript\n}\n":           "3 killall\n",
	} {
		if got := places(ofText(t, "/etc/logrotate.d/f", text)); got != want {
			t.Errorf("of logrotate: %q: %q", text, got)
		}
	}
	// What is behind a % is what the command reads.
	if got := places(ofText(t, "/etc/cron.d/f", "* * * * * root sh%killall f\n* * * * * root date +\\%s; killall f\n* * * * * root cat%killall f\n")); got != "1 cannot-tell\n2 killall\n" {
		t.Errorf("of cron: %q", got)
	}
	tab := "# m h dom mon dow user command\nSHELL=/bin/sh\n5 * * * * root kill -HUP $(cat /run/f.pid)\n@daily root killall f\n\n"
	if got := places(ofText(t, "/etc/cron.d/f", tab)); got != "3 kill\n4 killall\n" {
		t.Errorf("of cron: %q", got)
	}
}

// Scripts inside of other files are not at the bytes that the parser has.
func TestSectionsAreNotReplaced(t *testing.T) {
	tab := "# something before it\n5 * * * * root DAEMON=/bin/d; kill $(cat /run/d.pid)\n"
	found := ofText(t, "/etc/cron.d/f", tab)
	if p := patchOf(&script{path: "x", text: tab}, found); p.Done != 0 || len(found) != 1 {
		t.Errorf("%d found, patched:\n%s", len(found), p.Diff())
	}
}

package main

import (
	"strings"
	"testing"
)

// A tool that is missing is left out of an ordinary run, and an error in CI.
func TestMissingPeer(t *testing.T) {
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir()) // no dpkg-query, without which nobody knows whose functions they are
	t.Setenv("CI", "")
	found, err := findPeers(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	c := comparison{found, []*played{{}}}
	for _, tool := range tools {
		want := noQuestion
		if _, there := found[tool.needs]; !there && tool.needs != "" {
			want = absent
		}
		if got := c.cell(c.plays[0], tool); got != want || tool.needs == functions && got != absent {
			t.Errorf("%s: %s, want %s", tool.name, got, want)
		}
		if got := c.score(tool).String(); got != "n/a" {
			t.Errorf("%s, never asked, has the score %s", tool.name, got)
		}
	}
	_, err = findPeers(dir, true)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "(apt install sysvinit-utils)") {
		t.Errorf("to be published: %v", err)
	}
	t.Setenv("CI", "true")
	if _, err := findPeers(dir, false); err == nil || !strings.Contains(err.Error(), "/lib/lsb/init-functions is of no Debian package") {
		t.Errorf("in CI: %v", err)
	}
	t.Setenv("CI", "")
	if _, err := findPeers(t.TempDir(), false); err == nil {
		t.Error("without pidproof it is no error")
	}
}

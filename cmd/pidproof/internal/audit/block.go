package audit

import (
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// block is what Debian's apache2 has in its do_stop (#868861): does anything run by the daemon's name; if so, is the
// number in the pidfile among those that pidof lists? A variable has one value for each of three answers.
type block struct {
	nodeRange
	daemon, pidfile *syntax.Word
	result          string
	none, others    string // nothing runs; something does that the pidfile does not name
	named           string // the pidfile names one of them
}

// blockOf is nil where a statement is anything else.
func (f *finder) blockOf(s *syntax.Stmt) *block {
	outer, is := s.Cmd.(*syntax.IfClause)
	if !is || !standsAlone(s) || len(outer.Cond) != 1 || len(outer.Then) != 1 || !isElse(outer.Else) || f.script.unpatched {
		return nil
	}
	asked, is := outer.Cond[0].Cmd.(*syntax.CallExpr)
	inner, both := outer.Then[0].Cmd.(*syntax.IfClause)
	if !is || !both || !standsAlone(outer.Then[0]) || len(inner.Cond) != 1 || !isElse(inner.Else) ||
		len(asked.Args) != 2 || asked.Args[0].Lit() != "pidof" || f.functions["pidof"] != nil || !complaintsDropped(outer.Cond[0]) || outer.Cond[0].Negated {
		return nil
	}
	b := &block{nodeRange: spanOf(s), daemon: asked.Args[1]}
	words := amongPidof.Compiled().FindStringSubmatch(unquoted(textOf(inner.Cond[0])))
	if words == nil || words[1] != words[3] || words[2] != unquoted(textOf(b.daemon)) {
		return nil
	}
	if b.pidfile = f.wordOf(inner.Cond[0], words[1]); b.pidfile == nil {
		return nil
	}
	for _, arm := range []struct {
		list  []*syntax.Stmt
		value *string
	}{{inner.Then, &b.named}, {inner.Else.Then, &b.others}, {outer.Else.Then, &b.none}} {
		set := onlyAssigns.Compiled().FindStringSubmatch(textOfList(arm.list))
		if set == nil || b.result != "" && set[1] != b.result {
			return nil
		}
		b.result, *arm.value = set[1], set[2]
	}
	return b
}

var (
	amongPidof  = pattern(`^\[ -[ef] ([^ ]+) \] && pidof ([^ ]+) \| tr ' ' '\\n' \| grep -q?w \$\(cat ([^ ]+)\)( [0-9&>/devnul ]*)?$`)
	onlyAssigns = pattern(`^([A-Za-z_][A-Za-z0-9_]*)=([A-Za-z0-9]+)$`)
)

func isElse(c *syntax.IfClause) bool { return c != nil && len(c.Cond) == 0 && c.Else == nil }

func standsAlone(s *syntax.Stmt) bool {
	return !s.Negated && !s.Background && !s.Coprocess && len(s.Redirs) == 0
}

func textOfList(list []*syntax.Stmt) string {
	if len(list) != 1 || !standsAlone(list[0]) {
		return ""
	}
	return textOf(list[0])
}

// wordOf is the word of that text in a statement.
func (f *finder) wordOf(s *syntax.Stmt, text string) (found *syntax.Word) {
	walk(s, func(n syntax.Node) bool {
		if w, is := n.(*syntax.Word); is && found == nil && unquoted(textOf(w)) == text {
			found = w
		}
		return found == nil
	})
	return found
}

// noteBlock keeps a block, if it begins a line.
func (f *finder) noteBlock(s *syntax.Stmt) {
	if b := f.blockOf(s); b != nil && strings.Trim(f.indent(b.from), " \t") == "" && f.onePath(b.pidfile) {
		f.blocks = append(f.blocks, b)
	}
}

// indent is what a line has before a place.
func (f *finder) indent(at int) string {
	return f.script.text[strings.LastIndexByte(f.script.text[:at], '\n')+1 : at]
}

// inBlock has the places of a block replaced together: its "if" becomes an "elif" of ours, and all of it is the old way
// that stays.
func (f *finder) inBlock(found *Finding, s *syntax.Stmt) {
	for _, b := range f.blocks {
		if found.Kind == Pidof && b.has(s.Pos().Offset()) {
			found.block, found.pidfileWord, found.pidfile, found.begins = b, b.pidfile, textOf(b.pidfile), f.beginning(b.pidfile)
			found.node = nodeRange{b.from, b.from + len("if")}
			found.in = f.inside(s)
		}
	}
}

// instead is what replaces the "if" of the block. The README shows it as it is in apache2's script.
func (b *block) instead(indent, daemon, pidfile string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "if %s; then\n", guard)
	for _, line := range []string{
		fmt.Sprintf("%s=0", b.result),
		fmt.Sprintf("pidproof check -q -p %s %s || %s=$?", pidfile, daemon, b.result),
		fmt.Sprintf("case $%s in", b.result),
		fmt.Sprintf("0) %s=%s ;;     # the pidfile names this daemon", b.result, b.named),
		fmt.Sprintf("1 | 3) %s=%s ;; # it is not running, and nothing runs that no pidfile accounts for", b.result, b.none),
		fmt.Sprintf("*) %s=%s ;;     # it runs outside every pidfile, or pidproof cannot tell", b.result, b.others),
		"esac",
	} {
		fmt.Fprintf(&text, "%s\t%s\n", indent, line)
	}
	return text.String() + indent + "elif"
}

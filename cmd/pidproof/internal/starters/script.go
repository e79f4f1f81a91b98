package starters

import (
	"path/filepath"
	"slices"
	"strings"

	"pidproof/cmd/pidproof/internal/lazyregexp"
	"pidproof/cmd/pidproof/internal/shellvars"
)

const (
	assigns = lazyregexp.Expression(`^\s*(?:export\s+|readonly\s+|:\s+"?\$\{)?([A-Za-z_][A-Za-z0-9_]*):?=(.*)$`)
	// option is --pidfile of start-stop-daemon, daemon(1) and others, and -p of those that know
	// it by that, too; mkdir(1) has another.
	option = lazyregexp.Expression(`(?:\s--pid-?file[\s=]+|\b(?:start_daemon|killproc|pidofproc|status_of_proc|status|daemon|start-stop-daemon)\s(?:.*\s)?-p\s+)(\S+)`)
	// header is that of chkconfig(8), which Red Hat's scripts have.
	header  = lazyregexp.Expression(`^#\s*pidfile:\s*(\S+)`)
	expands = lazyregexp.Expression(`\$(?:\{([A-Za-z_]\w*)(?:(:?-|##\*/)([^}]*))?\}|([A-Za-z_]\w*))`)
)

// longestLine is how much of a line is looked at: expansions could double it, line by line.
const longestLine = 4096

// scriptPidfiles are the pidfiles that an init script names, with the settings that it
// reads. What needs a shell to be told names none.
func scriptPidfiles(content []byte, settings map[string]shellvars.Var) (paths []string) {
	add := func(word string) {
		if path := canonical(word); path != "" && !strings.Contains(path, "$") && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	text := string(content)
	vars := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if len(line) > longestLine {
			continue
		}
		if found := header.Compiled().FindStringSubmatch(line); found != nil {
			add(found[1])
		}
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), "#") {
			continue
		}
		if found := assigns.Compiled().FindStringSubmatch(line); found != nil {
			name, value := found[1], expanded(firstWord(found[2]), vars)
			if set, is := settings[name]; is {
				value = set.Value
			}
			if vars[name] = value; strings.Contains(strings.ToLower(name), "pid") {
				add(value)
			}
		}
		for _, found := range option.Compiled().FindAllStringSubmatch(line, -1) {
			add(expanded(firstWord(found[1]), vars))
		}
	}
	if strings.HasPrefix(text, "#!") && strings.Contains(strings.SplitN(text, "\n", 2)[0], "/init-d-script") && vars["PIDFILE"] == "" && vars["DAEMON"] != "" {
		add("/run/" + filepath.Base(vars["DAEMON"]) + ".pid") // init-d-script(5)
	}
	return paths
}

// daemonSet is how most init scripts say what they start, as init-d-script(5) wants it.
const daemonSet = lazyregexp.Expression(`(?m)^\s*DAEMON=["']?(/[^\s"'$` + "`" + `;]+)["']?\s*(?:#.*)?$`)

// scriptDaemon is the daemon that an init script starts, where it says so once, without a
// variable.
func scriptDaemon(content []byte) string {
	found := daemonSet.Compiled().FindAllSubmatch(content, 2)
	if len(found) != 1 {
		return ""
	}
	return string(found[0][1])
}

// firstWord is the first word of a line without its quotes, as long as a shell would have to
// do nothing but expand variables. "" for anything else.
func firstWord(text string) string {
	text = strings.TrimLeft(text, " \t")
	if quote := strings.IndexAny(text, `"'`); quote == 0 {
		word, _, closed := strings.Cut(text[1:], text[:1])
		if !closed || text[0] == '\'' && strings.Contains(word, "$") || strings.ContainsAny(word, "`(") {
			return ""
		}
		return word
	}
	if end := strings.IndexAny(text, " \t;&|<>)"); end >= 0 {
		text = text[:end]
	}
	if strings.ContainsAny(text, "`(") {
		return ""
	}
	return strings.NewReplacer(`"`, "", `'`, "").Replace(text)
}

// expanded puts in the variables that are known. Of others something stays that is no path.
func expanded(word string, vars map[string]string) string {
	out := expands.Compiled().ReplaceAllStringFunc(word, func(of string) string {
		found := expands.Compiled().FindStringSubmatch(of)
		value := vars[found[1]+found[4]]
		switch operator := found[2]; {
		case operator == "##*/" && found[3] == "":
			value = filepath.Base(value)
		case operator != "" && operator != "##*/" && value == "":
			value = found[3]
		case operator == "##*/", value == "":
			return of
		}
		return value
	})
	if len(out) > longestLine {
		return ""
	}
	return out
}

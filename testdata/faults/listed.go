package faults

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// listed holds a list to one without a fault: a row says the same, or that it is not
// known; one is missing only where something was said.
func listed(r, without run) string {
	if r.stdout == without.stdout {
		return ""
	}
	if strings.HasPrefix(without.stdout, "{") {
		return listedJSON(r, without)
	}
	left := rows(without.stdout)
	for _, row := range rows(r.stdout) {
		at := slices.IndexFunc(left, func(known []string) bool { return agree(row, known, r.stderr != "") })
		if at < 0 && strings.Contains(strings.Join(row, " "), "may run it:") {
			continue // it is said that this is not known
		}
		if at < 0 {
			return fmt.Sprintf("a row that is not true: %q, beside %q", strings.Join(row, " "), without.stdout)
		}
		left = slices.Delete(left, at, at+1)
	}
	if len(left) > 0 && r.stderr == "" && !moreUnknown(r, without) {
		return fmt.Sprintf("a row is missing, and not a word: %q", strings.Join(left[0], " "))
	}
	return ""
}

// moreUnknown reports that it is said of an instance that it cannot be told, which could be
// told: then what runs its daemon was not looked for.
func moreUnknown(r, without run) bool {
	return strings.Count(r.stdout, "unknown") > strings.Count(without.stdout, "unknown")
}

// rows are the lines of a table, without its heads.
func rows(said string) (rows [][]string) {
	for line := range strings.Lines(said) {
		fields := strings.Fields(strings.ReplaceAll(line, "/var/run/", "/run/")) // one is a link to the other
		if len(fields) > 0 && fields[0] != "NAME" && fields[0] != "PID" && fields[0] != "Unclaimed:" && line != "No instance was found.\n" {
			rows = append(rows, fields)
		}
	}
	return rows
}

// agree reports that a row says what is known, as far as it says something. Who warns that
// he did not see all may have counted less.
func agree(row, known []string, blind bool) bool {
	join := func(fields []string) string { return strings.Join(fields, " ") }
	if join(row) == join(known) {
		return true
	}
	// The time is two fields, and one dash if it is not known; so the first fields and
	// the last are compared.
	if len(row) == 0 || row[0] != known[0] {
		return false
	}
	for i := range min(len(row), len(known), 3) {
		if row[i] != known[i] && row[i] != "-" && row[i] != "unknown" {
			return false
		}
	}
	return slices.Contains(row, "-") || slices.Contains(row, "unknown") || blind
}

// listedJSON is listed for the other form.
func listedJSON(r, without run) string {
	var said, known map[string]any
	if err := json.Unmarshal([]byte(without.stdout), &known); err != nil {
		return err.Error()
	}
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
		return fmt.Sprintf("no JSON: %v", err)
	}
	unseen, _ := said["unseen"].([]any)
	blind := len(unseen) > 0 || r.stderr != "" || moreUnknown(r, without)
	if wrong := agreeLists("instances", said["instances"], known["instances"], blind); wrong != "" {
		return wrong
	}
	return agreeLists("unclaimed", unaccounted(said), unaccounted(known), blind)
}

// unaccounted are the unclaimed processes of all daemons.
func unaccounted(list map[string]any) any {
	var all []any
	daemons, _ := list["daemons"].([]any)
	for _, d := range daemons {
		of, _ := d.(map[string]any)
		some, _ := of["unclaimed"].([]any)
		all = append(all, some...)
	}
	return all
}

func agreeLists(what string, said, known any, blind bool) string {
	have, _ := said.([]any)
	want, _ := known.([]any)
	for _, one := range have {
		if of, is := one.(map[string]any); is && of["role"] == "unclear" {
			continue // it is said that this is not known
		}
		if !slices.ContainsFunc(want, func(w any) bool { return agreeJSON(one, w) }) {
			return fmt.Sprintf("%s: not true: %v, beside %v", what, one, want)
		}
	}
	if len(have) < len(want) && !blind {
		return fmt.Sprintf("%s: %d instead of %d, and not a word", what, len(have), len(want))
	}
	return ""
}

// agreeJSON reports that an object says what is known, as far as it says something.
func agreeJSON(said, known any) bool {
	a, is := said.(map[string]any)
	b, both := known.(map[string]any)
	if !is || !both {
		return reflect.DeepEqual(said, known)
	}
	for key, value := range a {
		switch key {
		case "reason", "rule", "role", "sockets": // why something is not known
			continue
		case "started": // a scene that was arranged anew has other processes of the same numbers
			continue
		}
		if _, is := b[key]; !is && key != "state" { // more is known of one that may run than of a stale one
			continue
		}
		if value != "unknown" && !agreeJSON(value, b[key]) {
			return false
		}
	}
	return true
}

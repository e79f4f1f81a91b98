package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// scenario is one file: a shell script with a comment on top.
//
//	#!/bin/sh
//	# title: replaced, and a new instance runs
//	# from: Debian #868861
//	# right: one sentence, which may go on
//	#   in lines that are indented
//
// It arranges processes and prints the question; see parseQuestion.
type scenario struct {
	name   string // of the file, without .sh
	path   string
	text   string
	header header
}

// header is the comment on top of a scenario.
type header struct {
	Title string // the row's name
	From  string // where the situation was reported or comes from
	Right string // what is right, and why
}

func loadScenarios(dir string) ([]scenario, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.sh"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no scenario in %s", dir)
	}
	titles := map[string]string{}
	var all []scenario
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		h, err := parseHeader(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s:%w", path, err)
		}
		if other := titles[h.Title]; other != "" {
			return nil, fmt.Errorf("%s: has the title of %s", path, other)
		}
		titles[h.Title] = path
		all = append(all, scenario{strings.TrimSuffix(filepath.Base(path), ".sh"), path, string(text), h})
	}
	// The title is what one reads.
	slices.SortFunc(all, func(a, b scenario) int { return strings.Compare(a.header.Title, b.header.Title) })
	return all, nil
}

// parseHeader reads the comment on top. An error begins with the line's number.
func parseHeader(text string) (header, error) {
	var h header
	fields := map[string]*string{"title": &h.Title, "from": &h.From, "right": &h.Right}
	var last *string
	lines := bufio.NewScanner(strings.NewReader(text))
	number := 0
	for lines.Scan() {
		number++
		line := lines.Text()
		comment, ok := strings.CutPrefix(line, "#")
		switch {
		case number == 1:
			if line != "#!/bin/sh" {
				return h, errors.New("1: a scenario begins with #!/bin/sh")
			}
			continue
		case !ok:
			return h, h.complete(number)
		case strings.ContainsFunc(comment, unprintable) || strings.ContainsAny(comment, "|`<"):
			return h, fmt.Errorf("%d: a character that a table cannot hold", number)
		case strings.HasPrefix(comment, "   ") && last != nil:
			*last = strings.Join(append(strings.Fields(*last), strings.Fields(comment)...), " ")
			continue
		}
		key, value, _ := strings.Cut(strings.TrimPrefix(comment, " "), ":")
		value = strings.Join(strings.Fields(value), " ")
		if last = fields[key]; last == nil || *last != "" || value == "" {
			return h, fmt.Errorf("%d: want title:, from: or right: once each, and a text", number)
		}
		*last = value
	}
	if err := lines.Err(); err != nil {
		return h, fmt.Errorf("%d: %w", number+1, err)
	}
	return h, h.complete(number)
}

func (h header) complete(line int) error {
	if h.Title == "" || h.From == "" || h.Right == "" {
		return fmt.Errorf("%d: the comment ends without a title:, a from: or a right: line", line)
	}
	return nil
}

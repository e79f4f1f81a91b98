// Package say is how pidproof speaks: to a script in a line that is safe to log, to a
// person in tables, paragraphs, colours and a line of progress, to a program in JSON.
//
//   - console.go: standard output, whose loss is an error, and warnings;
//   - pipe.go: a reader who does not read must not keep an init script;
//   - printable.go: what processes and files are called must not move a cursor;
//   - table.go, page.go, colour.go: aligned, wrapped, coloured;
//   - progress.go, terminal.go: what a person who waits sees, and how wide his screen is;
//   - json.go: the objects that are promised to programs.
//
// It knows neither verdicts nor commands.
package say

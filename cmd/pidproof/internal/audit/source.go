package audit

import (
	"slices"
	"sort"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// source is what a script says, of whatever order: which of two assignments was made is not
// known before it runs, so all of them count.
type source struct {
	script *script
	// assigned are the words that a variable may be, nil for one that is not known.
	assigned  map[string][]*syntax.Word
	functions map[string]*syntax.FuncDecl
	// called are the arguments of each call of a function.
	called   map[string][]*syntax.Word
	callsOf  map[string][]*syntax.CallExpr // the calls themselves
	appended map[string][]*syntax.Word     // by +=
	written  map[string]bool               // by printf -v and their like
	aliases  map[string]string
	topLevel map[*syntax.FuncDecl]bool // in nothing else
	unset    map[string]bool
	items    map[*syntax.Word]bool     // what a for loop takes one by one
	piped    map[*syntax.CallExpr]bool // those whose input was found
	// pidfiles are the words that were given as a pidfile, by their text.
	pidfiles   map[string]bool
	ran        map[string][]ran               // which of their arguments functions run, and the script; nil: nobody has looked
	shifts     map[string]bool                // which of them move or set those
	paths      map[string]bool                // their paths, as far as they are known; nil: nobody has asked
	read       map[string]bool                // files that it reads with "."
	own        []*syntax.FuncDecl             // in the order of the text, and not of a file that it reads
	ends       []uint                         // of each, or of one before it, the last
	lsb        bool                           // it reads /lib/lsb/init-functions, and with that our hook
	redhat     bool                           // it reads the functions of Red Hat's initscripts
	led        map[*syntax.CallExpr][]command // to what each call leads, once all is known; nil before
	runsOthers map[*syntax.FuncDecl]bool      // what runsItsArguments has said
	steps      int                            // what following words has cost
}

// stepLimit bounds what a script makes us follow: a=$b$b b=$c$c ... doubles with each line.
// The longest way of Debian 12's init scripts is 14,000 steps, ocfs2-tools'.
const stepLimit = 150_000

func (src *source) spent() bool {
	src.steps++
	return src.steps > stepLimit
}

func look(s *script, sourced func(path string) *script) *source {
	src := &source{
		script: s, assigned: map[string][]*syntax.Word{}, functions: map[string]*syntax.FuncDecl{},
		called: map[string][]*syntax.Word{}, callsOf: map[string][]*syntax.CallExpr{}, aliases: map[string]string{}, topLevel: map[*syntax.FuncDecl]bool{}, unset: map[string]bool{}, appended: map[string][]*syntax.Word{}, written: map[string]bool{}, items: map[*syntax.Word]bool{}, piped: map[*syntax.CallExpr]bool{}, read: map[string]bool{}, pidfiles: map[string]bool{}, runsOthers: map[*syntax.FuncDecl]bool{},
	}
	for _, f := range s.files {
		src.collect(f, sourced, 0)
	}
	sort.SliceStable(src.own, func(i, j int) bool { return src.own[i].Pos().Offset() < src.own[j].Pos().Offset() })
	for i, f := range src.own {
		end := f.End().Offset()
		if i > 0 {
			end = max(end, src.ends[i-1])
		}
		src.ends = append(src.ends, end)
	}
	for _, f := range s.files {
		walk(f, func(n syntax.Node) bool {
			if call, is := n.(*syntax.CallExpr); is {
				src.noteCall(call)
			}
			return true
		})
	}
	src.ran, src.led = nil, map[*syntax.CallExpr][]command{} // before, not all calls and aliases were known
	return src
}

const sourcedDepth = 3 // files that read files that read files

func (src *source) collect(f *syntax.File, sourced func(path string) *script, depth int) {
	for _, s := range f.Stmts {
		if decl, is := s.Cmd.(*syntax.FuncDecl); is && !s.Background {
			src.topLevel[decl] = true
		}
	}
	walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.FuncDecl:
			src.functions[n.Name.Value] = n
			if depth == 0 {
				src.own = append(src.own, n)
			}
		case *syntax.Assign:
			src.assign(n)
		case *syntax.DeclClause:
			src.declareNames(n)
		case *syntax.ParamExp:
			if assignsUnset(n) { // with a part more: it may be what was there before
				word := &syntax.Word{Parts: append(slices.Clone(n.Exp.Word.Parts), &syntax.Lit{ValuePos: n.Exp.Word.End(), ValueEnd: n.Exp.Word.End()})}
				src.assigned[n.Param.Value] = append(src.assigned[n.Param.Value], word)
			}
		case *syntax.ForClause:
			if over, is := n.Loop.(*syntax.WordIter); is {
				if len(over.Items) == 0 && !over.InPos.IsValid() { // for c; do
					src.assigned[over.Name.Value] = append(src.assigned[over.Name.Value], allArguments(n))
				}
				src.assigned[over.Name.Value] = append(src.assigned[over.Name.Value], over.Items...)
				for _, item := range over.Items {
					src.items[item] = true
				}
			}
		case *syntax.Stmt:
			src.readInto(n)
		case *syntax.CallExpr:
			src.declare(n)
			if len(n.Args) > 1 && n.Args[0].Lit() == "unset" {
				for _, w := range n.Args[1:] {
					src.unset[w.Lit()] = true
				}
			}
			if path, is := src.sourcedPath(n); is {
				src.lsb = src.lsb || strings.HasSuffix(path, "/lsb/init-functions")
				src.redhat = src.redhat || strings.HasSuffix(path, "/init.d/functions")
				if depth < sourcedDepth && sourced != nil && !src.read[path] {
					src.read[path] = true
					if other := sourced(path); other != nil {
						for _, f := range other.files {
							src.collect(f, sourced, depth+1)
						}
					}
				}
			}
		}
		return true
	})
}

func (src *source) sourcedPath(call *syntax.CallExpr) (string, bool) {
	if len(call.Args) < 2 || call.Args[0].Lit() != "." && call.Args[0].Lit() != "source" {
		return "", false
	}
	for _, path := range src.values(call.Args[1]) {
		if strings.HasPrefix(path, "/") && !strings.Contains(path, unknown) {
			return path, true
		}
	}
	return "", false
}

package healing

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// Comparison is what an outcome means.
type Comparison struct {
	Steps, StockRight, PatchedRight int
	StockHits, PatchedHits          int // on innocent processes

	Healed []Difference // stock was wrong, patched is right
	Both   []Difference // both are wrong, by no fault of the patch, or may be
	Words  []Difference // both are right, and say something else
	Broken []Difference // patched is wrong where stock is right, differs from it, or does something to an innocent process
}

// Difference is one step, and what was seen of it on both sides.
type Difference struct {
	Action         string
	State          State
	Stock, Patched string
	Said           string // by the patched script
}

// Compare holds the two sides of a service together.
func (s Service) Compare(o Outcome) (c Comparison) {
	for i, after := range o.Patched {
		if _, again := find(o.Patched[:i], after); again {
			continue
		}
		before, both := find(o.Stock, after)
		if !both {
			before.Wrong = "not tried" // stock scripts that wait for the innocent, in a quick test
		}
		c.Steps++
		c.StockRight += count(before.Wrong == "")
		c.PatchedRight += count(after.Wrong == "")
		c.StockHits += count(before.Hit != "")
		c.PatchedHits += count(after.Hit != "")
		d := Difference{after.Action, after.State, before.Wrong, after.Wrong, after.Said}
		switch {
		case after.Hit != "" && !s.Excuses(after.Action):
			c.Broken = append(c.Broken, d)
		case before.Wrong == "" && after.Wrong == "" && before.Result() != after.Result():
			d.Stock, d.Patched = before.Result(), after.Result()
			c.Broken = append(c.Broken, d)
		case before.Wrong == "" && after.Wrong == "":
			if a, b := wording(before.Said), wording(after.Said); a != b {
				d.Stock, d.Patched = a, b
				c.Words = append(c.Words, d)
			}
		case s.races(after.Action):
			c.Both = append(c.Both, d)
		case before.Wrong == "" || !both && after.Wrong != "" && !s.Excuses(after.Action):
			c.Broken = append(c.Broken, d)
		case after.Wrong == "":
			c.Healed = append(c.Healed, d)
		default:
			c.Both = append(c.Both, d)
		}
	}
	return c
}

// Excuses: what is wrong in that action is not the patch's.
func (s Service) Excuses(action string) bool {
	return slices.Contains(strings.Fields(s.Itself+" "+s.Leaves), action)
}

func (s Service) races(action string) bool {
	return slices.Contains(strings.Fields(s.Races), action)
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// wording is what a script says, without the numbers.
func wording(said string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, said)
}

// Digest tells patches apart; it takes what begins with the first "---".
func Digest(patch string) string {
	if at := strings.Index(patch, "--- a/"); at > 0 {
		patch = patch[at:]
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(patch)))[:12]
}

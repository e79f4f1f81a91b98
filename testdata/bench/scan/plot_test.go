package scan

import (
	"strings"
	"testing"
)

func TestPlot(t *testing.T) {
	svg, err := invented().svg()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range invented().Commands {
		if !strings.Contains(svg, ">"+strings.ReplaceAll(c.Plot, "'", "&#39;")+"<") {
			t.Errorf("no line is called %q", c.Plot)
		}
	}
	for _, text := range []string{"100", "1,000", "10,000", "number of processes", "10 ms", "1 s"} {
		if !strings.Contains(svg, ">"+text+"<") {
			t.Errorf("no text %q", text)
		}
	}
	if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("a point is nowhere")
	}
	if again, err := invented().svg(); err != nil || again != svg {
		t.Errorf("another drawing of the same numbers (%v)", err)
	}
	few := invented()
	few.Sizes = few.Sizes[:1]
	if _, err := few.svg(); err != nil {
		t.Errorf("of one size: %v", err)
	}
}

package registry

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzRegistration: what can be read can be registered, and is read back the same;
// an error names the file.
func FuzzRegistration(f *testing.F) {
	f.Add(sound("x"))
	f.Add("DAEMON='/a b'\nPIDFILE=/x\nRESTART='a \"b c\" \\d'\n")
	f.Add("DAEMON=$x\nPIDFILE=x\nRESTART=\nY=1\n")
	f.Fuzz(func(t *testing.T, text string) {
		dir, copied := t.TempDir(), t.TempDir()
		put(t, dir+"/x", text)
		found, wrong := Read(dir)
		for _, err := range wrong {
			if !strings.HasPrefix(err.Error(), dir+"/x") {
				t.Fatal(err)
			}
		}
		if len(found) != 1 {
			if len(found) > 1 || len(wrong) == 0 {
				t.Fatalf("%+v, %v", found, wrong)
			}
			return
		}
		if err := Add(copied, found[0]); err != nil {
			if size := len(found[0].content()); size > 1<<15 { // quoting makes it longer
				return
			}
			t.Fatal(err)
		}
		again, wrong := Read(copied)
		if len(again) == 1 {
			again[0].File = found[0].File
		}
		if len(wrong) > 0 || !reflect.DeepEqual(again, found) {
			t.Fatalf("%+v\nread back: %+v, %v", found, again, wrong)
		}
	})
}

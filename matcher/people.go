package matcher

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// loginDefs says from which number on users are people, login.defs(5).
const loginDefs = "/etc/login.defs"

// loginDefsLimit is far more than there is in any.
const loginDefsLimit = 256 << 10

// firstPerson reads that number; below it are the system's own users.
func (h *host) firstPerson() (int, error) {
	h.Doing("reading %s", loginDefs)
	f, err := os.Open(loginDefs)
	if errors.Is(err, fs.ErrNotExist) {
		return defaultFirstPerson, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, loginDefsLimit))
	if err != nil {
		return 0, err
	}
	return uidMin(content)
}

// defaultFirstPerson is UID_MIN where it is not said: in shadow since 4.1.4, and in systemd.
const defaultFirstPerson = 1000

// uidMin takes the last of several, as shadow's programs do.
func uidMin(content []byte) (int, error) {
	first := defaultFirstPerson
	for line := range bytes.Lines(content) {
		words := bytes.Fields(line)
		if len(words) < 2 || string(words[0]) != "UID_MIN" {
			continue
		}
		number, err := strconv.ParseUint(string(bytes.Trim(words[1], `"`)), 0, 31)
		if err != nil {
			return 0, fmt.Errorf("%s: UID_MIN is no number", loginDefs)
		}
		first = int(number)
	}
	return first, nil
}

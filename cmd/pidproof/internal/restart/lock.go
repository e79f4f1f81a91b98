package restart

import (
	"errors"

	"pidproof/cmd/pidproof/internal/onlyone"
)

// Lock keeps two runs from restarting the same instance.
func Lock() (unlock func(), err error) {
	unlock, err = onlyone.Lock("restart.lock", 0)
	if errors.Is(err, onlyone.ErrTaken) {
		err = errors.New("another pidproof restarts instances at this moment; try again when it is done")
	}
	return unlock, err
}

package doctor

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"pidproof/cmd/pidproof/internal/settings"
)

func settingsFile(_ context.Context, f *Finding) {
	values, wrong, err := settings.All()
	unread := (*fs.PathError)(nil)
	switch {
	case errors.As(err, &unread):
		f.failed(err)
		return
	case err != nil: // it says what to do
		f.add(ToDo, err.Error())
		return
	}
	for _, complaint := range wrong {
		f.add(ToDo, complaint)
	}
	f.add(Well, strings.Join(values, ", "))
}

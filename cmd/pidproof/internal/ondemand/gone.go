package ondemand

import "context"

// ForgetGone removes the record of a service of which nothing is left: a package's prerm
// has stopped it, and then it was removed. forgot is false where something is.
func ForgetGone(ctx context.Context, service string) (forgot bool, err error) {
	r, err := ReadRecord(service)
	if err != nil || r == nil || r.Inetd {
		return false, err
	}
	if manager, err := Manager(); err != nil || manager != "systemd" {
		return false, err
	}
	shown, err := show(ctx, []string{"LoadState"}, append([]string{unitName(service)}, r.Units...)...)
	if err != nil {
		return false, err
	}
	for _, p := range shown {
		if p.get("LoadState") != "not-found" {
			return false, nil
		}
	}
	r.Named = nil
	_, _, err = Restore(ctx, *r)
	return err == nil, err
}

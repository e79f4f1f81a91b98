package ondemand

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// holdLines switches off the entries of superservers, and waits until those, which have
// been told, listen for them no more.
func (s *Service) holdLines(ctx context.Context) error {
	daemons, err := s.daemons()
	if err != nil {
		return err
	}
	hold := func(f confFile) (string, int) {
		on := slices.DeleteFunc(entriesOf(entriesIn([]confFile{f}, s.inetd.joined), s.Name, daemons), func(e entry) bool { return e.off })
		return f.format.hold(f.content, s.Name, on), len(on)
	}
	if _, err := change(ctx, true, hold, s.endBeforeXinetd); err != nil {
		return err
	}
	var addresses []Address
	for _, t := range s.Triggers {
		if t.Kind.inFile() && (t.Active || t.State == heldOff) {
			addresses = append(addresses, t.Listens...)
		}
	}
	for until := time.Now().Add(hangUpTime); time.Now().Before(until); time.Sleep(standingTick) {
		left, err := listened(ctx, addresses)
		if err != nil || len(left) == 0 {
			return err
		}
		ending, err := s.underXinetd()
		if err != nil {
			return err
		}
		if len(ending) > 0 { // half a second for each, and then it listens no more
			until = time.Now().Add(hangUpTime)
		}
	}
	return nil // somebody else may listen there: that is seen at the end
}

// restoreLines gives back what is held off of the files of superservers.
func restoreLines(ctx context.Context, r Record) (changed []string, err error) {
	restore := func(f confFile) (string, int) { return f.format.restore(f.content, r.Service) }
	return change(ctx, r.Inetd, restore, func() error { return nil })
}

// xinetd reports that one reads an entry of the service: as it reads its files anew it
// kills (SIGKILL) what it has started for services that it has no more, terminate_servers
// of reconfig.c, which takes half a second for each.
func (s *Service) xinetd() bool {
	return s.inetd != nil && slices.ContainsFunc(s.inetd.running, func(r served) bool { return r.name == "xinetd" })
}

func (s *Service) underXinetd() (pids []int, err error) {
	if !s.xinetd() {
		return nil, nil
	}
	held, _, err := s.sessions()
	defer held.Release()
	return slices.Clone(held.pids), err
}

// spares is an error where what we run under, as a login, would be killed.
func (s *Service) spares() error {
	if !s.xinetd() {
		return nil
	}
	held, spared, err := s.sessions()
	held.Release()
	if err == nil && len(spared) > 0 {
		err = fmt.Errorf("xinetd would kill %s, under which this command runs: call it from elsewhere", spared[0])
	}
	return err
}

// endBeforeXinetd lets what xinetd has started end as what inetd has started does.
func (s *Service) endBeforeXinetd() error {
	if !s.xinetd() {
		return nil
	}
	held, _, err := s.sessions()
	defer held.Release()
	if err == nil {
		err = s.terminate(held)
	}
	if err == nil {
		held.Await(time.Now().Add(sessionsEnd))
	}
	return err
}

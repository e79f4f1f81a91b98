package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A client at every trigger: it connects to a socket, changes what a path unit watches, calls a name on the bus. For a
// timer the hour strikes five times a second (see strike).

// trigger is one thing that can be knocked at.
type trigger struct {
	name  string // for a person
	pause time.Duration
	knock func()
	times atomic.Int64
}

type knocking struct {
	triggers []*trigger
	stop     chan struct{}
	ended    sync.WaitGroup
}

// knockers are started for everything that the package brings.
func (c contents) knockers(all map[string]unit) *knocking {
	k := &knocking{stop: make(chan struct{})}
	add := func(name string, pause time.Duration, knock func()) {
		k.triggers = append(k.triggers, &trigger{name: name, pause: pause, knock: knock})
	}
	for name, u := range all {
		if !c.owns(name) {
			continue
		}
		// With Accept=yes each client is an instance, and too many in two seconds disarm the socket: TriggerLimitBurst=. Of
		// other services, too, each client costs: sshd has a process for it, and a line in the journal.
		const pace = 100 * time.Millisecond
		for line := range strings.SplitSeq(u["Listen"], "\n") {
			if address, kind, is := parsePair(line); is {
				add(name+" "+address, pace, func() { connect(kind, address) })
			}
		}
		for line := range strings.SplitSeq(u["Paths"], "\n") {
			if file, kind, is := parsePair(line); is {
				add(name+" "+file, pace, func() { change(kind, file) })
			}
		}
		if strings.HasSuffix(name, ".timer") {
			add(name, 300*time.Millisecond, func() {})
		}
	}
	for _, name := range c.busNames {
		add(name, 100*time.Millisecond, func() { call(name) })
	}
	for _, t := range k.triggers {
		k.ended.Add(1)
		go func() {
			defer k.ended.Done()
			for {
				t.knock()
				t.times.Add(1)
				select {
				case <-k.stop:
					return
				case <-time.After(t.pause):
				}
			}
		}()
	}
	return k
}

// rounds tells how often each was knocked at, at least.
func (k *knocking) rounds() int {
	least := int64(-1)
	for _, t := range k.triggers {
		if n := t.times.Load(); least < 0 || n < least {
			least = n
		}
	}
	return int(max(least, 0))
}

// some waits until each has been knocked at a few times more; a knock that does not return ends the waiting.
func (k *knocking) some() {
	const more = 3
	last := time.Now().Add(patience)
	for end := k.rounds() + more; len(k.triggers) > 0 && k.rounds() < end && time.Now().Before(last); {
		time.Sleep(5 * time.Millisecond)
	}
}

func (k *knocking) end() {
	close(k.stop)
	k.ended.Wait()
}

// parsePair reads "/run/x.socket (Stream)", which is what systemctl shows of a listener and of a path.
func parsePair(line string) (what, kind string, is bool) {
	what, kind, is = strings.Cut(line, " (")
	return what, strings.TrimSuffix(kind, ")"), is
}

func connect(kind, address string) {
	const patience = 200 * time.Millisecond
	network := map[string]string{"Stream": "tcp", "Datagram": "udp", "SequentialPacket": "unixpacket", "FIFO": "fifo"}[kind]
	if strings.HasPrefix(address, "/") || strings.HasPrefix(address, "@") {
		network = map[string]string{"Stream": "unix", "Datagram": "unixgram"}[kind] + map[string]string{"SequentialPacket": "unixpacket", "FIFO": "fifo"}[kind]
	}
	switch network {
	case "": // Netlink, Special, MessageQueue: nobody knows what to say to them
		return
	case "fifo":
		if fifo, err := os.OpenFile(address, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			_, _ = fifo.WriteString("\n")
			_ = fifo.Close()
		}
		return
	}
	address = strings.Replace(strings.Replace(address, "0.0.0.0:", "127.0.0.1:", 1), "[::]:", "[::1]:", 1)
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return // refused: that is an answer, too
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Write([]byte("\n"))
	_ = conn.Close()
}

func change(kind, file string) {
	switch kind {
	case "DirectoryNotEmpty":
		file = filepath.Join(file, "census")
	case "PathExistsGlob":
		file = strings.NewReplacer("*", "census", "?", "c").Replace(file)
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		file = filepath.Join(file, "census")
	}
	// Nothing is written: the file may be somebody's configuration. inotify(7) has IN_CLOSE_WRITE nevertheless.
	if f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o644); err == nil {
		_ = f.Close()
		_ = os.Chtimes(file, time.Time{}, time.Now())
	}
}

// call does not wait for the answer: whoever has to be started for it is started.
func call(name string) {
	_ = exec.Command("dbus-send", "--system", "--type=method_call", "--dest="+name, "/", "org.freedesktop.DBus.Peer.Ping").Run()
}

const often = "[Timer]\nOnActiveSec=200ms\nOnUnitInactiveSec=200ms\nAccuracySec=1ms\nRandomizedDelaySec=0\n"

// strike has the package's timers elapse all the time, until calm.
func (c contents) strike(all map[string]unit) error {
	return c.timers(all, func(dir string) error {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "census.conf"), []byte(often), 0o644)
	})
}

func (c contents) calm(all map[string]unit) error { return c.timers(all, os.RemoveAll) }

// timers does something to the folder of each timer's drop-ins, and has those that are active read it.
func (c contents) timers(all map[string]unit, do func(dir string) error) error {
	var active []string
	some := false
	for name, u := range all {
		if c.owns(name) && strings.HasSuffix(name, ".timer") {
			some = true
			if err := do("/etc/systemd/system/" + name + ".d"); err != nil {
				return err
			}
			if u["ActiveState"] == "active" {
				active = append(active, name)
			}
		}
	}
	if !some {
		return nil
	}
	if _, err := output("systemctl", "daemon-reload"); err != nil || len(active) == 0 {
		return err
	}
	_, err := output("systemctl", append([]string{"restart", "--"}, active...)...)
	return err
}

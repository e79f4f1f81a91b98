// Package ondemand knows what can start a stopped service again, without anybody
// having called for that service itself: systemd's sockets, paths and timers, D-Bus
// activation, Upholds=, other units with their own triggers, and inetd's lines; and it
// holds off those that can be.
//
// Debian #736258: "invoke-rc.d NAME stop" promises that the service stays stopped
// until the administrator or a later invoke-rc.d starts it, and under systemd breaks
// that promise: "Stopping foo.service, but it can still be activated by: foo.socket".
//
// relations.go finds what pulls a service in, and what stops with it; hold.go stops what
// can be stopped and harms nobody, against everything else dropin.go has systemd refuse to
// start the service itself, and restore.go gives back what systemd has.
//
// What is held off is recorded first, in /run/pidproof/quiesced/NAME, so that a run
// that is interrupted can be finished or undone by the next. /run is empty after a
// boot, and so are systemd's stops undone then. Lines of /etc/inetd.conf stay as they
// are, so these carry their own record, in a comment above them.
//
// systemd is asked through systemctl(1), the program that is there wherever systemd
// is, and every question has a deadline.
package ondemand

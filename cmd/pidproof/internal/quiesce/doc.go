// Package quiesce stops a service so that it stays stopped: what could start it again on
// demand is held off first (ondemand knows what that is), the real invoke-rc.d stops it,
// and then it has to stay stopped: script.go asks that of what an init script has started,
// interrupted.go says what is held off when a signal ends it, and restore.go gives that back.
package quiesce

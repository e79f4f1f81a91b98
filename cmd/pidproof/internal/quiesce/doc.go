// Package quiesce stops a service so that it stays stopped: what could start it again on
// demand is held off first (ondemand knows what that is), the real invoke-rc.d stops it,
// and then it has to stay stopped. restore.go gives back what was held off.
package quiesce

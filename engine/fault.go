package engine

import (
	"errors"
	"strings"
	"syscall"
)

// Fault is a known way in which something outside fails. Errors that are
// recognised as one carry it, and health says by it what helps.
type Fault string

// The known faults.
const (
	FaultCredentials Fault = "credentials" // none, expired or not accepted
	FaultDenied      Fault = "access_denied"
	FaultThrottled   Fault = "throttled"
	FaultMissing     Fault = "missing" // no such bucket, object, folder or stream
	FaultUnreachable Fault = "unreachable"
	FaultClock       Fault = "clock_skew" // this machine's clock is off
	FaultDiskFull    Fault = "disk_full"
)

// FaultOf finds the fault of an error: the one that it carries, or what the
// machine or its kind says. It is "" where nothing is known.
func FaultOf(err error) Fault {
	for rest := err; rest != nil; {
		var e *Error
		if !errors.As(rest, &e) {
			break
		}
		if e.Fault != "" {
			return e.Fault
		}
		rest = e.Err
	}
	switch {
	case err == nil:
		return ""
	case errors.Is(err, syscall.ENOSPC), strings.Contains(err.Error(), "No space left on device"), strings.Contains(err.Error(), "no space left on device"):
		return FaultDiskFull
	}
	switch KindOf(err) {
	case NotFound:
		return FaultMissing
	case Unavailable:
		return FaultUnreachable
	}
	return ""
}

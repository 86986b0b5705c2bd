// Package parity replays exported rules with the engine of the system they
// were exported to, over what that system would have seen, so that the copy
// can be compared with the rule window by window.
//
// It keeps what was scraped as the few steps of each counter and makes samples
// of them as they are read: memory grows with the changes, not with time.
package parity

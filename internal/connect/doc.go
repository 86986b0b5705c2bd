// Package connect runs exported pipelines on the engine of Redpanda Connect,
// in tests alone.
package connect

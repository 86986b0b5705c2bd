// Package engine holds the words every part of Tidemark shares: records and
// where they come from, datasets and their types, time, and errors.
//
// It owns types and the small functions that define them, and nothing that
// reads a file, opens a connection or starts a goroutine. It imports the
// standard library only; the packages below engine/ meet in these types and
// are wired together in app.
package engine

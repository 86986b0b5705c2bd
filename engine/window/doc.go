// Package window decides when windows of event time are shown, and asks for
// what is in them: watermarks, triggers and panes.
//
// Windows are queries over the committed table. Panes keeps which windows are
// open and up to which row they have been shown, never what is in them; that
// comes from Records: a table (Table), or rows in memory (Memory). Both give
// the same, so a test file, a live tail and a rule share this one engine.
//
// It knows logical time only: watermarks and processing time are told to it.
// It stores nothing; Snapshot is what a restart needs.
package window

// Tidemark-window is the window of tidemark: a browser of the system's own
// with a menu, dialogs and files that can be dropped on it. tidemark app starts
// it and tells it what to show (app/desktop/wire says how); it holds the
// toolkit and nothing else of the program.
//
// The toolkit is behind the tag desktop. Without it the program builds
// everywhere, and says that it has none.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"tidemark.dev/tidemark/app/desktop/wire"
)

// The toolkit wants the program's first thread.
func init() { runtime.LockOSThread() }

func main() {
	events := os.NewFile(wire.EventsFile, "events")
	if events == nil || !pipe(events) {
		fmt.Fprintln(os.Stderr, "error: this is the window of tidemark app, which starts it")
		os.Exit(2)
	}
	// Processes of the toolkit's are not to keep the pipe open.
	syscall.CloseOnExec(wire.EventsFile)
	s := &session{toolkit: newToolkit(), out: wire.NewWriter[wire.Event](events), exit: os.Exit}
	os.Exit(s.serve(os.Stdin))
}

// pipe tells what tidemark opened from what happens to have its number.
func pipe(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

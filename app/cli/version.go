package cli

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/spf13/cobra"
)

func (a *app) versionVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			platform := runtime.GOOS + "/" + runtime.GOARCH
			if a.json {
				return a.printJSON(map[string]string{"version": version(), "go": runtime.Version(), "platform": platform})
			}
			_, err := fmt.Fprintf(a.stdout, "tidemark %s (%s, %s)\n", version(), runtime.Version(), platform)
			return err
		},
	}
}

// stamp is the version that scripts/build.sh gives a build.
var stamp string

// version tells builds apart: processes of different versions do not speak to
// each other about a workspace. It is the stamp; else the module's version,
// where the program was installed by one; else a sum of the ID that the go
// command gives a build by its content, and of one without such an ID, of all of
// its bytes.
var version = sync.OnceValue(func() string {
	if stamp != "" {
		return stamp
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" && !strings.HasSuffix(v, "+dirty") {
			return v
		}
	}
	id, err := programID()
	if err != nil {
		return "devel"
	}
	return fmt.Sprintf("devel+%08x", crc32.Checksum(id, crc32.MakeTable(crc32.Castagnoli)))
})

func programID() ([]byte, error) {
	name, err := os.Executable()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return identify(f)
}

// idSize is how far into a program the go command writes its build's ID.
const idSize = 64 << 10

// identify gives what tells a program apart: the ID of its build, which stands
// near its beginning, or a sum of its bytes.
func identify(program io.ReadSeeker) ([]byte, error) {
	head, err := io.ReadAll(io.LimitReader(program, idSize))
	if err != nil {
		return nil, err
	}
	if id := buildID(head); len(id) > 0 {
		return id, nil
	}
	if _, err := program.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	_, err = io.Copy(h, program)
	return h.Sum(nil), err
}

// buildID finds the ID: in ELF it is a note of the name Go and the type 4, after
// its length; elsewhere it stands before the program's first instruction.
func buildID(head []byte) []byte {
	before, note, found := bytes.Cut(head, []byte("\x04\x00\x00\x00Go\x00\x00"))
	if n := len(before); found && n >= 8 && binary.LittleEndian.Uint32(before[n-8:]) == 4 {
		if size := binary.LittleEndian.Uint32(before[n-4:]); uint64(size) <= uint64(len(note)) {
			return note[:size]
		}
	}
	if _, text, found := bytes.Cut(head, []byte("\xff Go build ID: \"")); found {
		if id, _, found := bytes.Cut(text, []byte("\"\n \xff")); found {
			return id
		}
	}
	return nil
}

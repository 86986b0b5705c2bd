package cli

import (
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
// where the program was installed by one; else the sum of the program's own
// bytes.
var version = sync.OnceValue(func() string {
	if stamp != "" {
		return stamp
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" && !strings.HasSuffix(v, "+dirty") {
			return v
		}
	}
	sum, err := sumOfProgram()
	if err != nil {
		return "devel"
	}
	return fmt.Sprintf("devel+%08x", sum)
})

// sumOfProgram reads about 100 MB from the page cache, some 20 ms.
func sumOfProgram() (uint32, error) {
	name, err := os.Executable()
	if err != nil {
		return 0, err
	}
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	_, err = io.Copy(h, f)
	return h.Sum32(), err
}

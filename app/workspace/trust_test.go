package workspace

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tidemark.dev/tidemark/engine"
)

func trusts(t *testing.T, s TrustStore, root string) bool {
	t.Helper()
	ok, err := s.Trusts(root)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestTrustFollowsTheFolder(t *testing.T) {
	base := t.TempDir()
	root, s := filepath.Join(base, "w"), NewTrustStore(filepath.Join(base, "config"))
	if _, err := Create(root); err != nil {
		t.Fatal(err)
	}
	if trusts(t, s, root) {
		t.Fatal("trusted before anybody said so")
	}
	if err := s.Add(root); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(base, "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	if !trusts(t, s, root) || !trusts(t, s, link) {
		t.Error("not trusted by its name or through a link")
	}
	if err := os.WriteFile(filepath.Join(root, FileName), []byte("name: edited\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if !trusts(t, s, root) {
		t.Error("the user's own edit took the trust away")
	}
	moved := filepath.Join(base, "moved")
	if err := os.Rename(root, moved); err != nil {
		t.Fatal(err)
	}
	if trusts(t, s, moved) {
		t.Error("trusted at another place")
	}
	time.Sleep(20 * time.Millisecond) // the clock of the file system is coarse
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if trusts(t, s, root) {
		t.Error("another folder of the same name is trusted")
	}
	if info, err := os.Stat(filepath.Join(base, "config", "trusted.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

func TestTrustCanBeTakenBack(t *testing.T) {
	root, s := t.TempDir(), NewTrustStore(t.TempDir())
	for _, err := range []error{s.Add(root), s.Remove(root)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if trusts(t, s, root) {
		t.Error("still trusted")
	}
}

func TestADamagedStoreTrustsNothing(t *testing.T) {
	root, config := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(config, "trusted.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, err := NewTrustStore(config).Trusts(root); ok || engine.KindOf(err) != engine.Invalid {
		t.Errorf("%v %v", ok, err)
	}
}

func TestTrustFromManyAtOnce(t *testing.T) {
	s := NewTrustStore(t.TempDir())
	var wg sync.WaitGroup
	roots := make([]string, 20)
	for i := range roots {
		roots[i] = t.TempDir()
		wg.Go(func() {
			if err := s.Add(roots[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, root := range roots {
		if !trusts(t, s, root) {
			t.Errorf("%s was lost", root)
		}
	}
}

package rule

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"tidemark.dev/tidemark/engine"
)

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; run with -update if that is right. Got:\n%s", name, got)
	}
}

// A rule's SQL is what its golden file says, and DuckDB takes it.
func TestSQL(t *testing.T) {
	db := database(t)
	createTable(t, db, engine.Dataset{Name: shop.Name, Body: storable(shop.Body)})
	files, err := filepath.Glob("testdata/sql/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no rules", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Compile(decodeSpec(t, file, string(src)), shop)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".sql", r.SQL()+"\n")
			if _, err := queryValues(db, r.SQL()); err != nil {
				t.Error(err)
			}
		})
	}
}

// storable is the type without members that cannot be stored yet.
func storable(body engine.Type) engine.Type {
	var fields []engine.Field
	for _, f := range body.Fields {
		if f.Type.Known() {
			fields = append(fields, f)
		}
	}
	return engine.StructOf(fields...)
}

// Every mistake is told with its place and a next step. testdata/errors.txtar
// holds a rule file and the errors it gives, one after the other.
func TestErrors(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/errors.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range archive.Files {
		name, isRule := strings.CutSuffix(f.Name, ".yaml")
		if !isRule {
			continue
		}
		_, err := Compile(decodeSpec(t, f.Name, string(f.Data)), shop)
		got := problems(t, err)
		if *update {
			if i+1 < len(archive.Files) && archive.Files[i+1].Name == name+".err" {
				archive.Files[i+1].Data = []byte(got)
			} else {
				t.Fatalf("%s has no .err after it", f.Name)
			}
			continue
		}
		if want := string(archive.Files[i+1].Data); got != want {
			t.Errorf("%s\ngot:\n%s\nwant:\n%s", f.Name, got, want)
		}
	}
	if *update {
		golden(t, "testdata/errors.txtar", string(txtar.Format(archive)))
	}
}

// problems prints every error with caret and hint, and checks its form.
func problems(t *testing.T, err error) string {
	var b strings.Builder
	var visit func(error)
	visit = func(err error) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				visit(e)
			}
			return
		}
		var e *engine.Error
		if !errors.As(err, &e) || e.Line == 0 || e.Hint == "" || e.Kind != engine.Invalid {
			t.Errorf("not an error with place and hint: %#v", err)
			return
		}
		b.WriteString(e.Error() + "\n  " + strings.ReplaceAll(e.Caret(), "\n", "\n  ") + "\n  hint: " + e.Hint + "\n")
	}
	if err != nil {
		visit(err)
	}
	return b.String()
}

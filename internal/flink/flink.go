// Package flink finds the Flink that exported SQL is tried on.
package flink

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrMissing says that there is no Flink here.
var ErrMissing = errors.New("no Flink: make flink installs one, where a JVM, PyPI and Maven Central can be had")

// Dir is where scripts/flink.sh has put Flink, seen from anywhere in the
// repository.
func Dir() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; at = filepath.Dir(at) {
		dir := filepath.Join(at, ".tools", "flink")
		if _, err := os.Stat(filepath.Join(dir, "version")); err == nil {
			if _, err := exec.LookPath("java"); err != nil {
				return "", ErrMissing
			}
			return dir, nil
		}
		if at == filepath.Dir(at) {
			return "", ErrMissing
		}
	}
}

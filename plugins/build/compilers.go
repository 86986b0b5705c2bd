package build

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func buildGo(ctx context.Context, j job) error {
	program, err := exec.LookPath("go")
	if err != nil {
		return missing(Go, "Go 1.24 or newer", "get it from https://go.dev/dl/")
	}
	env := []string{"GOOS=wasip1", "GOARCH=wasm", "GOWORK=off", "GOFLAGS=-trimpath -buildvcs=false", "CGO_ENABLED=0"}
	return run(ctx, j.dir, env, program, "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", j.out, ".")
}

const rustTarget = "wasm32-unknown-unknown"

// rustc is the first compiler that can make WebAssembly: that of rustup often
// cannot, while the distribution's beside it can.
func rustc(ctx context.Context) (string, error) {
	candidates := []string{os.Getenv("RUSTC")}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		candidates = append(candidates, filepath.Join(dir, "rustc"))
	}
	candidates = append(candidates, "/usr/bin/rustc", "/usr/local/bin/rustc")
	for _, c := range candidates {
		if c == "" {
			continue
		}
		root, err := exec.CommandContext(ctx, c, "--print", "sysroot").Output()
		if err != nil {
			continue
		}
		if found, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "lib", "rustlib", rustTarget, "lib", "libstd-*.rlib")); len(found) > 0 {
			return c, nil
		}
	}
	return "", missing(Rust, "rustc with the target "+rustTarget,
		"run: rustup target add "+rustTarget+" (or on Debian and Ubuntu: apt-get install rustc libstd-rust-dev-wasm32)")
}

func buildRust(ctx context.Context, j job) error {
	compiler, err := rustc(ctx)
	if err != nil {
		return err
	}
	sdk := filepath.Join(j.dir, "tidemark", "src", "lib.rs")
	if j.sdk.Dir != "" {
		sdk = filepath.Join(j.sdk.Dir, "rust", "src", "lib.rs")
	}
	common := []string{"--edition", "2021", "--target", rustTarget, "-Copt-level=3", "-Cpanic=abort", "-Ccodegen-units=1", "-Ctarget-feature=+bulk-memory,+simd128"}
	library := filepath.Join(j.work, "libtidemark_plugin.rlib")
	err = run(ctx, j.dir, nil, compiler, append(common, "--crate-type", "rlib", "--crate-name", "tidemark_plugin", "-Cembed-bitcode=yes", sdk, "-o", library)...)
	if err != nil {
		return err
	}
	return run(ctx, j.dir, nil, compiler, append(common, "--crate-type", "cdylib", "--crate-name", "plugin", "-Clto=fat", "-Cstrip=symbols",
		"--extern", "tidemark_plugin="+library, j.main, "-o", j.out)...)
}

func buildAssemblyScript(ctx context.Context, j job) error {
	dirs := []string{j.dir}
	if j.sdk.Dir != "" {
		dirs = append(dirs, filepath.Join(j.sdk.Dir, "assemblyscript"))
	}
	for _, dir := range dirs {
		asc := filepath.Join(dir, "node_modules", ".bin", "asc")
		if _, err := os.Stat(asc); err != nil {
			continue
		}
		// asc takes no absolute paths.
		main, err := filepath.Rel(j.dir, j.main)
		if err != nil {
			return err
		}
		out, err := filepath.Rel(j.dir, j.out)
		if err != nil {
			return err
		}
		if asc, err = filepath.Abs(asc); err != nil {
			return err
		}
		return run(ctx, j.dir, nil, asc, filepath.ToSlash(main), "--outFile", filepath.ToSlash(out),
			"-O3", "--runtime", "stub", "--noAssert", "--enable", "simd", "--exportStart", "_initialize")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return missing(AssemblyScript, "Node and npm", "get Node 20 or newer from https://nodejs.org/, then run npm install in "+j.dir)
	}
	return missing(AssemblyScript, "the package assemblyscript", "run: npm install --prefix "+j.dir)
}

// clang is the first that can make WebAssembly: Apple's cannot.
func clang(ctx context.Context) (string, error) {
	for _, name := range []string{os.Getenv("CLANG"), "clang", "/opt/homebrew/opt/llvm/bin/clang", "/usr/local/opt/llvm/bin/clang"} {
		if name == "" {
			continue
		}
		targets, err := exec.CommandContext(ctx, name, "--print-targets").Output()
		if err == nil && strings.Contains(string(targets), "wasm32") {
			return name, nil
		}
	}
	return "", missing(C, "clang and lld that know wasm32", "on Debian and Ubuntu run: apt-get install clang lld (on macOS: brew install llvm lld)")
}

func buildC(ctx context.Context, j job) error {
	compiler, err := clang(ctx)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("wasm-ld"); err != nil {
		return missing(C, "the linker wasm-ld", "on Debian and Ubuntu run: apt-get install lld (on macOS: brew install lld)")
	}
	include := j.dir
	if j.sdk.Dir != "" {
		include = filepath.Join(j.sdk.Dir, "c")
	}
	return run(ctx, j.dir, nil, compiler, "--target=wasm32", "-O3", "-mbulk-memory", "-msimd128", "-nostdlib", "-Wl,--no-entry", "-Wl,--strip-all",
		"-Wall", "-Wno-unused-function", "-I", include, j.main, "-o", j.out)
}

// The work of the benchmark for Extism in Go: a batch is one message of
// MessagePack, [[message, level], …] to [[message, took_ms or nil], …]. The
// message is read and written by hand, which is what generated code comes to.
package main

func main() {}

// The work of the benchmark as a plugin in Go.
package main

func main() {}

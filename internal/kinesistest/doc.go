// Package kinesistest is a Kinesis Data Streams endpoint for tests: real HTTP,
// spoken to by the real SDK, in this process and in memory.
//
// It keeps what a reader can trip over: paged and filtered listings, tokens and
// iterators that expire, retention, budgets of a shard, splits and merges,
// streams that are deleted and made again. Its clock is the test's. Faults are
// scripted, call by call. What a request costs in time, it leaves out.
//
// Limits and shapes follow the Kinesis Data Streams API Reference (2013-12-02).
package kinesistest

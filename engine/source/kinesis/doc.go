// Package kinesis reads a Kinesis data stream: all shards at once, parents
// before their children, from checkpoints, at a pace that leaves room for
// other readers.
//
// It owns what is particular to the service: listing, iterators, limits,
// resharding, and records packed by the Kinesis Producer Library. What a
// record's bytes mean is the business of format; keeping checkpoints, of who
// stores the records.
//
// Behaviour and limits follow the Kinesis Data Streams API Reference
// (2013-12-02); that children begin at TRIM_HORIZON whatever the tail's start,
// the discussion of awslabs/amazon-kinesis-client#751.
package kinesis

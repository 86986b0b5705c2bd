// Package export writes rules for other systems: Prometheus, CloudWatch and
// whatever else evaluates alarms. Every target reads the typed plan of a rule,
// never its text, and answers in one of three ways: the artefact says exactly
// what the rule says; it says nearly that, and each difference is stated in
// words; or it cannot hold the rule, and a Refusal names the construct, why,
// and what to do instead.
//
// A difference may change when an alarm goes off by a little. What would
// change the condition, the windows or M of N without a way to say how is
// refused.
//
// It reads no files and no data; whoever calls it brings the rules and the
// groups that are known.
package export

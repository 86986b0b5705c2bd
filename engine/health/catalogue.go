package health

import (
	"fmt"
	"strings"
	"time"

	"tidemark.dev/tidemark/engine"
)

// mode is a known way to fail. One of its detectors says whether facts show
// it, with the cause and what helps.
type mode struct {
	name     string
	severity Severity
	state    string
	source   func(Source) (Finding, bool)
	dataset  func(Dataset) (Finding, bool)
	machine  func(Machine) (Finding, bool)
}

// When something counts as late or silent.
const (
	behindLimit = time.Minute
	silentLimit = 10 * time.Minute
	busyLimit   = 0.9
	lateShare   = 0.05
)

var catalogue = []mode{
	{name: "credentials", severity: Alarm, state: Failing, source: credentials},
	{name: "access_denied", severity: Alarm, state: Failing, source: denied},
	{name: "missing", severity: Alarm, state: Failing, source: missing},
	{name: "unreachable", severity: Alarm, state: Failing, source: unreachable},
	{name: "clock_skew", severity: Alarm, state: Failing, source: clockSkew},
	{name: "disk_full", severity: Alarm, state: Failing, source: diskFailed, machine: diskLow},
	{name: "failed", severity: Alarm, state: Failing, source: failed},
	{name: "dead_shard", severity: Alarm, state: Failing, source: deadShard},
	{name: "throttled", severity: Warn, state: Late, source: throttled},
	{name: "overloaded", severity: Warn, state: Late, source: overloaded},
	{name: "behind", severity: Warn, state: Late, source: behind},
	{name: "gap", severity: Warn, state: Failing, source: gap},
	{name: "silent", severity: Warn, state: Stale, source: silent},
	{name: "never", severity: Warn, state: Stale, source: never},
	{name: "empty", severity: Warn, state: Stale, source: empty},
	{name: "plugin_suspended", severity: Alarm, state: Failing, dataset: pluginSuspended},
	{name: "corrupt", severity: Warn, state: Quarantining, dataset: corrupt},
	{name: "schema_break", severity: Warn, state: Quarantining, dataset: schemaBreak},
	{name: "quarantined", severity: Warn, state: Quarantining, dataset: quarantined},
	{name: "late_records", severity: Warn, state: Late, dataset: lateRecords},
	{name: "quota", severity: Warn, state: Failing, dataset: quota},
	{name: "clock_ahead", severity: Note, state: OK, dataset: clockAhead},
	{name: "untimed", severity: Note, state: OK, dataset: untimed},
	{name: "conflicts", severity: Note, state: OK, dataset: conflicts},
	{name: "memory", severity: Warn, state: Failing, machine: memoryFull},
	{name: "staging", severity: Warn, state: Failing, machine: stagingFull},
}

func finding(cause string, a Action) (Finding, bool) { return Finding{Cause: cause, Action: a}, true }

func none() (Finding, bool) { return Finding{}, false }

// again is what brings a source back once its cause is gone.
func (s Source) again(label string) Action {
	verb := "pull"
	if s.Live() {
		verb = "tail"
	}
	return Action{Label: label, Command: "tidemark " + verb + " " + s.Name, Do: verb, Page: "/sources"}
}

// Live reports whether the source has no end.
func (s Source) Live() bool { return s.Type == "kinesis" || s.Type == "replay" }

func (s Source) test(label string) Action {
	return Action{Label: label, Command: "tidemark sources test " + s.Name, Do: "test", Page: "/sources"}
}

func (s Source) fault(f engine.Fault) bool { return s.Failure != nil && s.Failure.Fault == f }

// shard finds the first shard in a state.
func (s Source) shard(state string) (engine.ShardState, bool) {
	for _, sh := range s.Shards {
		if sh.State == state {
			return sh, true
		}
	}
	return engine.ShardState{}, false
}

func (f *Failure) cause(before string) string {
	text := before + f.Message
	if f.Hint != "" {
		text += ". " + capital(f.Hint)
	}
	return text
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func credentials(s Source) (Finding, bool) {
	if sh, is := s.shard("paused"); is && sh.Why != "" {
		return finding("the credentials do not hold any more: "+sh.Why, s.test("Sign in, then test it"))
	}
	if s.fault(engine.FaultCredentials) {
		return finding(s.Failure.cause("the credentials are missing or do not hold any more: "), s.again("Sign in, then try again"))
	}
	return none()
}

func denied(s Source) (Finding, bool) {
	if s.fault(engine.FaultDenied) {
		return finding(s.Failure.cause("the credentials may not read it: "), s.test("Test it"))
	}
	return none()
}

func missing(s Source) (Finding, bool) {
	if s.fault(engine.FaultMissing) {
		return finding(s.Failure.cause("what it names is not there: "), s.test("Correct it, then test it"))
	}
	if sh, is := s.shard("waiting"); is && sh.Shard == "stream" {
		return finding(sh.Why, s.test("Test it"))
	}
	return none()
}

func unreachable(s Source) (Finding, bool) {
	if s.fault(engine.FaultUnreachable) {
		return finding(s.Failure.cause("it cannot be reached: "), s.again("Try again"))
	}
	for _, sh := range s.Shards {
		if sh.State == "reading" && sh.Why != "" && sh.Throttles == 0 {
			return finding("shard "+sh.Shard+" cannot be read just now: "+sh.Why, s.test("Test it"))
		}
	}
	return none()
}

func clockSkew(s Source) (Finding, bool) {
	if s.fault(engine.FaultClock) {
		return finding(s.Failure.cause("this machine's clock is off: "), s.again("Set the clock, then try again"))
	}
	return none()
}

func diskFailed(s Source) (Finding, bool) {
	if s.fault(engine.FaultDiskFull) {
		return finding("the disk is full: "+s.Failure.Message, Action{Label: "Give space back", Command: "tidemark compact", Do: "compact", Page: "/health"})
	}
	return none()
}

func failed(s Source) (Finding, bool) {
	if s.fault("") {
		return finding(s.Failure.cause("the last attempt failed: "), s.again("Try again"))
	}
	return none()
}

func deadShard(s Source) (Finding, bool) {
	if sh, is := s.shard("failed"); is {
		return finding("shard "+sh.Shard+" cannot be read, the others go on: "+sh.Why, s.test("Test it"))
	}
	return none()
}

func throttled(s Source) (Finding, bool) {
	switch {
	case s.Throttled > 0:
		return finding(fmt.Sprintf("the service slowed it down %d times in the last minute: others read the same shards", s.Throttled),
			Action{Label: "Read politely", Command: "write polite: true into source " + s.Name, Page: "/sources"})
	case s.fault(engine.FaultThrottled):
		return finding(s.Failure.cause("the service is overloaded: "), s.again("Try again later"))
	}
	return none()
}

func overloaded(s Source) (Finding, bool) {
	if s.Tailing && s.Busy >= busyLimit {
		return finding(fmt.Sprintf("storing takes %.0f %% of the time, so the source is read as fast as the disk and the processors let it", s.Busy*100),
			Action{Label: "Set a quota", Command: "write quota: {records_per_second: N} into dataset " + s.Dataset, Page: "/live?source=" + s.Name})
	}
	return none()
}

func behind(s Source) (Finding, bool) {
	var most engine.ShardState
	for _, sh := range s.Shards {
		if sh.State != "finished" && sh.Behind > most.Behind {
			most = sh
		}
	}
	if time.Duration(most.Behind)*time.Millisecond < behindLimit {
		return none()
	}
	cause := fmt.Sprintf("shard %s is %s behind the newest record", most.Shard, engine.FormatDuration((time.Duration(most.Behind) * time.Millisecond).Round(time.Second)))
	if s.Paused {
		return finding(cause+", for the tail is paused", Action{Label: "Let it go on", Command: "tidemark tail " + s.Name, Do: "resume", Page: "/live?source=" + s.Name})
	}
	return finding(cause, Action{Label: "Look at it", Command: "tidemark health", Page: "/live?source=" + s.Name})
}

func gap(s Source) (Finding, bool) {
	if s.Gaps > 0 {
		return finding(fmt.Sprintf("records are missing (%d in tidemark.gaps): %s", s.Gaps, s.LastGap),
			Action{Label: "Pull the archive of that time", Command: "tidemark pull", Page: "/sources"})
	}
	return none()
}

func silent(s Source) (Finding, bool) {
	if s.Tailing && !s.Paused && s.Silent >= silentLimit {
		return finding("nothing has come for "+engine.FormatDuration(s.Silent.Round(time.Minute)), s.test("Test it"))
	}
	return none()
}

func never(s Source) (Finding, bool) {
	switch {
	case s.Begun || s.Failure != nil:
		return none()
	case s.Live():
		return finding("it is a live source, and was never tailed", s.again("Start it"))
	}
	return finding("nothing was pulled from it yet", s.again("Pull it"))
}

func empty(s Source) (Finding, bool) {
	if s.fault("empty") {
		return finding("it has no objects: the prefix or the folder is empty, or another", s.test("Test it"))
	}
	return none()
}

func (d Dataset) quarantine(cause string) (Finding, bool) {
	return finding(cause, Action{Label: "Try them again", Command: "tidemark quarantine list", Do: "replay_quarantine", Page: "/quarantine?dataset=" + d.Name})
}

func pluginSuspended(d Dataset) (Finding, bool) {
	if len(d.Suspended) == 0 {
		return none()
	}
	return finding("the plugin "+strings.Join(d.Suspended, ", ")+" kept failing and is not asked any more", Action{Label: "Look at it", Command: "tidemark plugin list", Page: "/plugins"})
}

func corrupt(d Dataset) (Finding, bool) {
	if d.Broken == 0 || d.Broken < d.Mismatched {
		return none()
	}
	return d.quarantine(d.TopReason)
}

func schemaBreak(d Dataset) (Finding, bool) {
	if d.Mismatched == 0 || d.Mismatched <= d.Broken {
		return none()
	}
	return finding(fmt.Sprintf("%d records do not have the types of the dataset: %s", d.Mismatched, d.TopReason),
		Action{Label: "Try them again", Command: "tidemark schema set " + d.Name + " PATH TYPE, then tidemark quarantine replay", Do: "replay_quarantine", Page: "/schema?dataset=" + d.Name})
}

func quarantined(d Dataset) (Finding, bool) {
	if d.Quarantined == 0 || d.Mismatched+d.Broken > 0 {
		return none()
	}
	return d.quarantine(d.TopReason)
}

func lateRecords(d Dataset) (Finding, bool) {
	if d.Rows == 0 || float64(d.Late) < lateShare*float64(d.Rows) {
		return none()
	}
	return finding(fmt.Sprintf("%.1f %% of the records came behind the watermark", 100*float64(d.Late)/float64(d.Rows)),
		Action{Label: "Give them more time", Command: "write watermark: {lateness: …} into dataset " + d.Name, Page: "/explore?dataset=" + d.Name})
}

func quota(d Dataset) (Finding, bool) {
	if d.Over == 0 {
		return none()
	}
	return finding(fmt.Sprintf("its quota kept %d records out", d.Over),
		Action{Label: "Look at whose they were", Command: "tidemark query 'FROM tidemark.quotas'", Page: "/explore?dataset=" + d.Name})
}

func clockAhead(d Dataset) (Finding, bool) {
	if d.Ahead == 0 {
		return none()
	}
	return finding(fmt.Sprintf("%d records say a time more than %s after they arrived; they do not move the watermark", d.Ahead, engine.FormatDuration(d.MaxFuture)),
		Action{Label: "Look at them", Command: "tidemark query 'SELECT service, count(*) FROM " + d.Name + " WHERE event_time > arrival_time + INTERVAL 5 MINUTE GROUP BY service'", Page: "/explore?dataset=" + d.Name})
}

func untimed(d Dataset) (Finding, bool) {
	if d.Untimed == 0 {
		return none()
	}
	return finding(fmt.Sprintf("%d records have no event time, so no window has them", d.Untimed),
		Action{Label: "Say where it stands", Command: "write event_time: PATH into dataset " + d.Name, Page: "/schema?dataset=" + d.Name})
}

func conflicts(d Dataset) (Finding, bool) {
	if d.Conflicts == 0 {
		return none()
	}
	return finding(fmt.Sprintf("%d values have another type than their path and stand in rest", d.Conflicts),
		Action{Label: "Look at them", Command: "tidemark schema conflicts " + d.Name, Page: "/schema?dataset=" + d.Name})
}

func diskLow(m Machine) (Finding, bool) {
	if m.DiskNeeded == 0 || m.DiskFree >= m.DiskNeeded {
		return none()
	}
	return finding(fmt.Sprintf("the disk has %d MB left", m.DiskFree>>20), Action{Label: "Give space back", Command: "tidemark compact", Do: "compact", Page: "/health"})
}

func memoryFull(m Machine) (Finding, bool) {
	if m.MemoryLimit == 0 || float64(m.Memory) < 0.9*float64(m.MemoryLimit) {
		return none()
	}
	return finding(fmt.Sprintf("the program uses %d of %d MB, past which queries are ended", m.Memory>>20, m.MemoryLimit>>20),
		Action{Label: "Raise the limit", Command: "write limits: {memory: …} into tidemark.yaml", Page: "/health"})
}

func stagingFull(m Machine) (Finding, bool) {
	if m.StagingNeeded == 0 || m.StagingFree >= m.StagingNeeded {
		return none()
	}
	return finding(fmt.Sprintf("the folder in memory where records are staged has %d MB left", m.StagingFree>>20),
		Action{Label: "Make room", Command: "empty /dev/shm, or start a container with --shm-size=2g", Page: "/health"})
}

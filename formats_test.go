package main

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var updateFormats = flag.Bool("update-formats", false, "write the golden files of testdata/formats")

// formatSample is an object that a format is tried on.
type formatSample struct {
	name string
	key  string // below the source's folder
	raw  []byte
}

// ownFormatSamples lists the samples made from the formats' public descriptions. Their
// extension is wrong on purpose, and every other one is packed.
func ownFormatSamples(t *testing.T) []formatSample {
	files, err := filepath.Glob("engine/format/testdata/kinds/*.in")
	if err != nil || len(files) < 20 {
		t.Fatal("samples are missing", err)
	}
	var out []formatSample
	for i, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			z.Write(raw) //nolint:errcheck // into memory
			z.Close()
			raw = b.Bytes()
		}
		name := strings.TrimSuffix(filepath.Base(file), ".in")
		out = append(out, formatSample{name, "dt=2026-01-02/object.parquet", raw})
	}
	return out
}

// pullSamples pulls every sample into a dataset of its own, d0, d1, …, from a
// source that says nothing about its format.
func pullSamples(t *testing.T, samples []formatSample) *program {
	var config strings.Builder
	config.WriteString("name: t\nsources:\n")
	for i := range samples {
		fmt.Fprintf(&config, "  s%d: {type: file, path: \"in/%d/**\", dataset: d%[1]d}\n", i, i)
	}
	p := newProgram(t, config.String())
	changed := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for i, s := range samples {
		name := fmt.Sprintf("in/%d/%s", i, s.key)
		p.write(name, s.raw)
		if err := os.Chtimes(filepath.Join(p.dir, name), changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	p.run("pull", "--quiet")
	return p
}

// perSample runs a query on each sample's dataset, which %d stands for, and
// gives the one column of its rows by sample.
func (p *program) perSample(samples int, query string) map[string][]string {
	parts := make([]string, samples)
	for i := range parts {
		parts[i] = fmt.Sprintf("SELECT 'd%d', row FROM ("+query+")", i, i)
	}
	out := map[string][]string{}
	for _, line := range strings.Split(p.query(strings.Join(parts, " UNION ALL ")), "\n") {
		dataset, row, _ := strings.Cut(line, ",")
		if inner, ok := strings.CutPrefix(row, `"`); ok {
			row = strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
		}
		out[dataset] = append(out[dataset], row)
	}
	return out
}

const (
	ledgerOf = `SELECT concat_ws(',', format, stored, quarantined, dropped) AS row FROM tidemark.objects WHERE dataset = 'd%d'`
	rowsOf   = `SELECT concat_ws(' | ', coalesce(epoch_us(event_time)::VARCHAR, '-'), coalesce(service, '-'), coalesce(level, '-'),
		coalesce(to_json(message)::VARCHAR, '-'), coalesce(trace_id, '-'), coalesce(span_id, '-'), coalesce(to_json(labels)::VARCHAR, '-'),
		split_part(_position, '#', 2), to_json(body)::VARCHAR, coalesce(rest::VARCHAR, '-')) AS row FROM d%d ORDER BY _seq`
	asideOf = `SELECT concat_ws(' | ', split_part(position, '#', 2), reason, to_json(decode(raw))) AS row FROM tidemark.quarantine WHERE dataset = 'd%d' ORDER BY id`
	filled  = `SELECT concat_ws(',', count(event_time), count(service), count(level), count(message)) AS row FROM d%d`
)

// TestFormatsWithoutConfiguration pulls a sample of every format from a source
// that says nothing about it, and compares the rows with golden files.
func TestFormatsWithoutConfiguration(t *testing.T) {
	samples := ownFormatSamples(t)
	p := pullSamples(t, samples)
	ledger, rows, aside := p.perSample(len(samples), ledgerOf), p.perSample(len(samples), rowsOf), p.perSample(len(samples), asideOf)
	for i, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			d := fmt.Sprintf("d%d", i)
			got := "format,stored,quarantined,dropped: " + ledger[d][0] + "\n" + strings.Join(rows[d], "\n") + "\n"
			if len(aside[d]) > 0 {
				got += "set aside:\n" + strings.Join(aside[d], "\n") + "\n"
			}
			compareGolden(t, filepath.Join("testdata/formats", s.name+".golden"), got)
		})
	}
}

// TestRealFormatsWithoutConfiguration pulls real objects and counts their rows
// and what of the envelope they fill.
func TestRealFormatsWithoutConfiguration(t *testing.T) {
	root := os.Getenv("TIDEMARK_CORPUS")
	if root == "" {
		t.Skip("TIDEMARK_CORPUS IS NOT SET: no real object of any format is tested")
	}
	var samples []formatSample
	// elb.log.gz is of an application load balancer, in spite of its name: its
	// lines begin with their type, and have its 29 fields.
	for _, path := range []string{
		"aws-service-logs/elb.log.gz", "aws-service-logs/alb.log.gz", "aws-service-logs/cloudfront.log", "aws-service-logs/cloudtrail.log",
		"aws-service-logs/config-history.log", "aws-service-logs/config-snapshot.log", "aws-service-logs/rds.log", "aws-service-logs/s3.log",
		"aws-service-logs/vpcflow.log", "aws-service-logs/waf.log", "otlp/logs.json", "otlp/events.json", "otlp/trace.json", "otlp/metrics.json",
		"applogs/lnav/logfile_otel_collector.jsonl", "applogs/lnav/logfile_ecs_log.json", "applogs/lnav/logfile_pino.0", "applogs/lnav/logfile_bunyan.0",
		"applogs/lnav/logfile_logfmt.0", "applogs/lnav/logfile_glog.0", "applogs/lnav/logfile_syslog.1", "applogs/lnav/logfile_access_log.0",
		"applogs/lnav/logfile_shop_access_log.0", "applogs/lnav/logfile_caddy_log.1", "applogs/lnav/logfile_w3c.0", "weblogs/apache_combined.log",
		"cloudtrail/otrf/ec2_proxy_s3_exfiltration_2020-09-14011940.json",
	} {
		raw, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, formatSample{path, filepath.Base(path), raw})
	}
	p := pullSamples(t, samples)
	ledger, counts := p.perSample(len(samples), ledgerOf), p.perSample(len(samples), filled)
	var out strings.Builder
	out.WriteString("object: format,stored,quarantined,dropped; rows with event_time,service,level,message\n")
	for i, s := range samples {
		d := fmt.Sprintf("d%d", i)
		fmt.Fprintf(&out, "%s: %s; %s\n", s.name, ledger[d][0], counts[d][0])
	}
	compareGolden(t, "testdata/formats/corpus.golden", out.String())
}

func compareGolden(t *testing.T, golden, got string) {
	t.Helper()
	if *updateFormats {
		if err := os.MkdirAll(filepath.Dir(golden), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

// TestCloudTrailLosesNoEvent pulls real CloudTrail, whose paths have values of
// several types, without a word of configuration.
func TestCloudTrailLosesNoEvent(t *testing.T) {
	root := os.Getenv("TIDEMARK_CORPUS")
	if root == "" {
		t.Skip("TIDEMARK_CORPUS IS NOT SET: CloudTrail is not tested")
	}
	folder := filepath.Join(root, "cloudtrail", "s3-layout")
	events := 0
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".json.gz") {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		_, err = b.ReadFrom(z)
		events += bytes.Count(b.Bytes(), []byte(`"eventVersion"`))
		return err
	})
	if err != nil || events < 2000 {
		t.Fatal(events, err)
	}
	p := newProgram(t, fmt.Sprintf("name: t\nsources:\n  files: {type: file, path: %q, dataset: data}\n", folder+"/**/*.gz"))
	p.run("pull", "--quiet")
	got := p.query(`SELECT count(*), count(event_time), count(service), count(level), count(message), count(DISTINCT body.eventID), count(DISTINCT labels['region']) FROM data`)
	if want := fmt.Sprintf("%d,%[1]d,%[1]d,%[1]d,%[1]d,%[1]d,1", events); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if got := p.query(`SELECT count(*) FROM tidemark.quarantine`); got != "0" {
		t.Fatalf("%s events are in quarantine", got)
	}
}

package workbench

import (
	"context"
)

// DryRun is what a pull would fetch; its JSON is part of the contract.
type DryRun struct {
	Objects  int64   `json:"objects"`
	Skipped  int64   `json:"skipped"`
	Bytes    int64   `json:"bytes"`
	Requests int64   `json:"requests"`
	CostUSD  float64 `json:"cost_usd"`
	// Attached are the objects that stay where they are; of them only footers
	// would be fetched. Bytes and Requests include those, Objects does not.
	Attached int64 `json:"attached"`
	// Basis says how the cost was estimated.
	Basis string `json:"basis"`
}

// Prices of S3 Standard in us-east-1, US dollars, as published by AWS in
// 2026: requests, and transfer out to the internet.
const (
	usdPerList = 0.005 / 1000
	usdPerGet  = 0.0004 / 1000
	usdPerGB   = 0.09
	costBasis  = "S3 Standard in us-east-1: $0.005 per 1,000 LIST, $0.0004 per 1,000 GET, $0.09 per GB out to the internet; nothing inside the region"
)

// DryRun says what Pull would fetch.
func (b *Workbench) DryRun(ctx context.Context, opt PullOptions) (DryRun, error) {
	out := DryRun{Basis: costBasis}
	jobs, err := b.plan(ctx, opt)
	if err != nil {
		return out, err
	}
	if err := b.dryAttached(ctx, opt, &out); err != nil {
		return out, err
	}
	for _, j := range jobs {
		out.Skipped += j.skipped
		out.Objects += int64(len(j.tasks))
		for _, t := range j.tasks {
			out.Bytes += t.Size
		}
		if j.archive.config.Type != "s3" {
			continue
		}
		lists := j.archive.requests()
		gets := int64(len(j.tasks))
		out.Requests += lists + gets
		var bytes int64
		for _, t := range j.tasks {
			bytes += t.Size
		}
		out.CostUSD += float64(lists)*usdPerList + float64(gets)*usdPerGet + float64(bytes)/1e9*usdPerGB
	}
	return out, nil
}

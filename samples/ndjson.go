package samples

import (
	"strconv"
	"time"
)

// appendJSON writes a record as one line of JSON, newline included. It is
// written out by hand because two million records take a reflecting encoder
// longer than everything else together.
func appendJSON(b []byte, r *record) []byte {
	b = append(b, `{"ts":"`...)
	b = appendTime(b, r)
	b = appendText(b, `","svc":`, r.service.String())
	b = appendText(b, `,"severity":`, r.level.String())
	b = appendText(b, `,"msg":`, r.message)
	b = appendText(b, `,"type":`, r.kind)
	if r.trace != (traceID{}) {
		b = append(b, `,"trace_id":"`...)
		b = appendHex(appendHex(b, r.trace.hi), r.trace.lo)
		b = append(b, `","span_id":"`...)
		b = append(appendHex(b, r.span), '"')
	}
	if r.parent != 0 {
		b = append(b, `,"parent_id":"`...)
		b = append(appendHex(b, r.parent), '"')
	}
	if r.region != nil {
		b = appendText(b, `,"region":`, r.region.name)
	}
	b = appendOptional(b, `,"use_case":`, r.useCase)
	b = appendOptional(b, `,"version":`, r.version)
	b = appendRequest(b, r)
	b = appendCustomer(b, r)
	b = appendShopping(b, r)
	if r.deploy != nil {
		b = appendDeploy(b, r.deploy)
	}
	return append(b, '}', '\n')
}

func appendRequest(b []byte, r *record) []byte {
	if r.kind != kindRequest {
		return b
	}
	b = appendText(b, `,"method":`, r.method)
	b = appendText(b, `,"route":`, r.route)
	if r.statusNA {
		b = append(b, `,"status":"N/A"`...)
	} else {
		b = appendInt(b, `,"status":`, r.status)
	}
	b = append(b, `,"duration_ms":`...)
	b = strconv.AppendFloat(b, r.duration, 'f', 1, 64)
	if r.calls == nil {
		return b
	}
	b = append(b, `,"calls":[`...)
	for i, c := range r.calls {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, `{"service":`, c.service.String())
		b = append(b, `,"ms":`...)
		b = strconv.AppendFloat(b, c.ms, 'f', 1, 64)
		b = append(b, `,"ok":`...)
		b = strconv.AppendBool(b, c.ok)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendCustomer(b []byte, r *record) []byte {
	if r.user != nil {
		b = appendText(b, `,"user":{"id":`, r.user.name())
		if r.service == storefront || r.service == checkout {
			b = appendText(b, `,"tier":`, r.user.tier())
		}
		b = append(b, '}')
	}
	if r.device != nil {
		b = appendText(b, `,"device":{"kind":`, r.device.kind)
		b = appendText(b, `,"os":`, r.device.os)
		b = appendOptional(b, `,"app":`, r.device.app)
		b = appendOptional(b, `,"id":`, r.device.id)
		b = append(b, '}')
	}
	if r.buffered {
		b = append(b, `,"buffered":true`...)
	}
	b = appendOptional(b, `,"client_ip":`, r.ip)
	return appendOptional(b, `,"email":`, r.email)
}

func appendShopping(b []byte, r *record) []byte {
	if c := r.cart; c != nil {
		b = append(b, `,"cart":{"id":"c-`...)
		b = strconv.AppendUint(b, c.id, 10)
		b = appendInt(b, `","items":`, c.items)
		b = append(b, `,"total":`...)
		b = appendBasket(b, c)
		b = append(b, '}')
	}
	if o := r.order; o != nil {
		b = append(b, `,"order":{"id":"o-`...)
		b = strconv.AppendUint(b, o.id, 10)
		b = appendInt(b, `","items":`, o.items)
		b = append(b, `,"total":`...)
		b = appendCents(b, o.cents)
		b = append(b, `,"currency":"EUR"}`...)
	}
	return b
}

// appendBasket writes the part of a cart that cart 2.0.0 changed.
func appendBasket(b []byte, c *basket) []byte {
	if !c.modern {
		b = strconv.AppendInt(b, c.cents/100, 10)
		if c.id%3 == 0 {
			return append(b, `,"coupon":null,"gifts":[]`...)
		}
		return append(b, `,"coupon":{},"gifts":[]`...)
	}
	b = appendCents(b, c.cents)
	if c.coupon == "" {
		b = append(b, `,"coupon":null`...)
	} else {
		b = appendText(b, `,"coupon":{"code":`, c.coupon)
		b = appendInt(b, `,"percent":`, c.off)
		b = append(b, '}')
	}
	b = append(b, `,"gifts":[`...)
	for i, g := range c.gifts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, "", g)
	}
	return append(b, ']')
}

func appendDeploy(b []byte, d *deploy) []byte {
	b = appendText(b, `,"deploy":{"service":`, d.service.String())
	b = appendText(b, `,"version":`, d.version)
	b = appendText(b, `,"previous":`, d.previous)
	b = appendText(b, `,"change":`, d.change)
	b = appendText(b, `,"by":`, d.by)
	return append(b, '}')
}

// appendTime writes RFC 3339 with milliseconds, in UTC unless the record asks
// for its region's own offset.
func appendTime(b []byte, r *record) []byte {
	if !r.local || r.region == nil {
		return r.at.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	}
	zone := time.FixedZone("", int(r.region.ahead/time.Second))
	return r.at.In(zone).AppendFormat(b, "2006-01-02T15:04:05.000-07:00")
}

func appendText(b []byte, key, s string) []byte {
	b = append(b, key...)
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

func appendOptional(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return appendText(b, key, s)
}

func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(b, key...), n, 10)
}

// appendCents writes an amount with two digits.
func appendCents(b []byte, cents int64) []byte {
	b = strconv.AppendInt(b, cents/100, 10)
	return append(b, '.', byte('0'+cents/10%10), byte('0'+cents%10))
}

const hexDigits = "0123456789abcdef"

func appendHex(b []byte, v uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[v>>shift&15])
	}
	return b
}

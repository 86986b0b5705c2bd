package samples

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// customers is how many people have an account.
const customers = 60_000

// user is a customer; everything about one follows from the number.
type user struct{ id uint64 }

func (u *user) name() string { return "u-" + strconv.FormatUint(u.id, 10) }

func (u *user) tier() string {
	switch {
	case u.id%20 == 0:
		return "gold"
	case u.id%5 == 0:
		return "silver"
	}
	return "basic"
}

var (
	firstNames = []string{"anna", "ben", "chloe", "david", "elif", "farah", "georg", "hana", "ivan", "julia", "karim", "lindiwe", "marco", "nora", "oskar", "priya", "quinn", "rosa", "sipho", "tara", "ulla", "victor", "wen", "yara", "zoe"}
	lastNames  = []string{"meyer", "dlamini", "garcia", "novak", "smith", "ito", "larsen", "moreau", "okafor", "petrov", "rossi", "schmidt", "tan", "vogel", "weber", "young", "zulu"}
	domains    = []string{"example.com", "example.org", "example.net", "mail.example"}
)

// email is an address under names that are reserved for examples.
func (u *user) email() string {
	h := mix(u.id)
	return fmt.Sprintf("%s.%s%d@%s", firstNames[h%uint64(len(firstNames))],
		lastNames[h>>8%uint64(len(lastNames))], u.id%97, domains[h>>16%uint64(len(domains))])
}

// ip is an address of the blocks that are reserved for documentation
// (RFC 5737 and RFC 3849).
func (u *user) ip() string {
	h := mix(u.id ^ 0x1b)
	switch h % 10 {
	case 0:
		return fmt.Sprintf("2001:db8:%x:%x::%x", h>>8&0xff, h>>16&0xffff, h>>32&0xff)
	case 1, 2, 3:
		return fmt.Sprintf("192.0.2.%d", h>>8%254+1)
	case 4, 5, 6:
		return fmt.Sprintf("198.51.100.%d", h>>8%254+1)
	}
	return fmt.Sprintf("203.0.113.%d", h>>8%254+1)
}

// device is what a customer shops with.
type device struct{ kind, os, app, id string }

var devices = []device{
	{kind: "desktop", os: "windows"},
	{kind: "desktop", os: "macos"},
	{kind: "desktop", os: "linux"},
	{kind: "mobile", os: "ios", app: "8.1.0"},
	{kind: "mobile", os: "ios", app: "8.0.2"},
	{kind: "mobile", os: "android", app: "8.1.0"},
	{kind: "mobile", os: "android", app: "7.9.4"},
	{kind: "tablet", os: "ios", app: "8.1.0"},
}

func (u *user) device() *device {
	return &devices[mix(u.id^0x5eed)>>8%uint64(len(devices))]
}

// cardNumber makes a number that looks like a card's and passes the check
// digit; its leading digits are those of the payment world's test cards.
func cardNumber(rng *rand.Rand) string {
	digits := [16]byte{4, 0, 0, 0, 0, 0}
	for i := 6; i < 15; i++ {
		digits[i] = byte(rng.UintN(10))
	}
	digits[15] = luhn(digits[:15])
	b := make([]byte, 0, 19)
	for i, d := range digits {
		if i > 0 && i%4 == 0 {
			b = append(b, ' ')
		}
		b = append(b, '0'+d)
	}
	return string(b)
}

// luhn is the check digit that completes digits (ISO/IEC 7812-1).
func luhn(digits []byte) byte {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i])
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return byte((10 - sum%10) % 10)
}

// mix spreads a number over 64 bits, so that neighbours have nothing in
// common (the finaliser of SplitMix64; Steele et al. 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

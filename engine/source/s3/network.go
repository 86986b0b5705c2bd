package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"

	"tidemark.dev/tidemark/engine"
)

// unreachable explains that no answer came.
func (s *Source) unreachable(err error) diagnosis {
	fail := func(text, hint string) diagnosis { return diagnosis{engine.Unavailable, text, hint} }
	var (
		dns      *net.DNSError
		notTLS   tls.RecordHeaderError
		badCert  *tls.CertificateVerificationError
		hostname x509.HostnameError
		timeout  interface{ Timeout() bool }
	)
	server := s.server()
	switch {
	case errors.As(err, &dns):
		return fail("there is no server called "+dns.Name, s.nameHint())
	case errors.Is(err, syscall.ECONNREFUSED):
		return fail(server+" refuses connections", "start the server, or correct endpoint")
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fail(server+" cannot be reached from here", "check the network, the VPN and endpoint")
	case errors.As(err, &hostname):
		return fail("the certificate of "+server+" is for another name", "use the name of the certificate in endpoint")
	case errors.As(err, &badCert):
		return fail("the certificate of "+server+" is not trusted: "+badCert.Err.Error(),
			"if you trust the server, put its certificate authority into a file and export AWS_CA_BUNDLE=FILE")
	case errors.As(err, &notTLS), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return fail(server+" does not speak TLS", "write http:// instead of https:// in endpoint")
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return fail(server+" does not answer in time", "check the network, the proxy and endpoint, then try again")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		strings.Contains(err.Error(), "server closed idle connection"):
		return fail(server+" breaks connections off", "check endpoint (http:// or https://?) and the network, then try again")
	}
	return fail("the request failed: "+innermost(err).Error(), "")
}

// nameHint fits a name that does not resolve. With path_style off the bucket
// is part of the name.
func (s *Source) nameHint() string {
	if s.config.Endpoint != "" && !s.config.PathStyle {
		return "set path_style: true, as most servers other than AWS need, or correct endpoint"
	}
	return "check the network, and endpoint or region"
}

// server is the host that requests go to, for people.
func (s *Source) server() string {
	if u, err := url.Parse(aws.ToString(s.client.Options().BaseEndpoint)); err == nil && u.Host != "" {
		return u.Host
	}
	return "S3 in " + s.client.Options().Region
}

// innermost is the first cause, without the SDK's and HTTP's words around it.
func innermost(err error) error {
	for {
		cause := errors.Unwrap(err)
		if cause == nil {
			return err
		}
		err = cause
	}
}

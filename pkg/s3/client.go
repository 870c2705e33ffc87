package s3

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

const (
	// attempts is how often a request is tried, if AWS_MAX_ATTEMPTS doesn't say it. With the pauses of
	// the SDK that takes about half a minute.
	attempts = 8
	// answerWithin is how long an answer may take to begin, and how long its body may stand still.
	answerWithin = 30 * time.Second
	// sendWithin is how long it may take to send a request, with a part of 8 MiB perhaps, and to get the
	// beginning of its answer.
	sendWithin = 5 * time.Minute
	// abortWithin is how long it may take to take an upload back.
	abortWithin = 10 * time.Second
	// region is for a server that has none.
	region = "us-east-1"
)

var (
	clientLock sync.Mutex
	client     *s3.Client // of this process
)

// Client returns the SDK's client of this process, with its credentials found.
func Client(ctx context.Context) (*s3.Client, error) {
	clientLock.Lock()
	defer clientLock.Unlock()
	if client != nil {
		return client, nil
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, errSettings
	}
	if cfg.Credentials == nil {
		return nil, errCredentials
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, errCredentials
	}
	if cfg.RetryMaxAttempts == 0 {
		cfg.RetryMaxAttempts = attempts
	}
	if cfg.Region == "" {
		cfg.Region = region
	}
	client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		// Only Amazon gives every bucket a host name of its own.
		o.UsePathStyle = o.BaseEndpoint != nil
		// A range has no checksum that could be compared, and the SDK would say so each time.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		if base, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
			o.HTTPClient = base.WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = answerWithin })
		}
		o.HTTPClient = listener{o.HTTPClient}
	})
	return client, nil
}

// Forget makes the next call look for server and credentials anew, for tests.
func Forget() {
	clientLock.Lock()
	defer clientLock.Unlock()
	client = nil
}

package s3test

import (
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// A server in a container of a test. Its image has the program at Path.
const (
	Path = "/versitygw"
	Port = "7070"
)

// Program returns the path of the server's program, or skips the test.
func Program(tb testing.TB) string {
	tb.Helper()
	return mustBuild(tb)
}

// Contained returns what starts a container with a server that keeps its buckets in memory: options
// of the engine, and the command.
func Contained() (options, command []string) {
	options = []string{"--tmpfs", "/meta", "--tmpfs", "/buckets"}
	for _, variable := range environment {
		options = append(options, "--env", variable)
	}
	return options, append([]string{Path}, arguments(":"+Port, "/meta", "/buckets")...)
}

// Fill makes a bucket with objects on the server at an address, whatever the variables of this process
// say. It waits until the server answers.
func Fill(tb testing.TB, addr, bucket string, objects map[string]string) {
	tb.Helper()
	mustAnswer(tb, addr)
	ctx, client := tb.Context(), clientAt(addr)
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		tb.Fatal(err)
	}
	keys := make(chan string)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for key := range keys {
				_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(objects[key])})
				if err != nil {
					tb.Error(err)
				}
			}
		})
	}
	for key := range objects {
		keys <- key
	}
	close(keys)
	all.Wait()
}

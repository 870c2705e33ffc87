package result_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/magereduce/magereduce/pkg/redisd/redistest"
	"github.com/magereduce/magereduce/pkg/wordcount/plan"
	"github.com/magereduce/magereduce/pkg/wordcount/result"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest"
	"github.com/magereduce/magereduce/pkg/wordcount/wordcounttest/check"
	"github.com/redis/go-redis/v9"
)

func TestAPageOfLongWordsHasFewOfThem(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintln(&text, strings.Repeat("long", 200_000)+fmt.Sprint(i))
	}
	h := wordcounttest.NewOn(t, redistest.Start(t), map[string]string{"a": text.String()}, plan.Options{Reducers: 3})
	h.Finish()
	most, pages := 0, 0
	h.Client.Redis.AddHook(wordcounttest.Hook(func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		err := next(ctx, cmd)
		if wordcounttest.Called(cmd) == "result" {
			page, _ := cmd.(*redis.Cmd).StringSlice()
			most, pages = max(most, len(strings.Join(page, ""))), pages+1
		}
		return err
	}))
	words := 0
	for _, err := range (result.Result{Redis: h.Client.Redis, Job: h.Client.Job, Fence: h.Fence()}).Entries(t.Context()) {
		check.Must(t, err)
		words++
	}
	if words != 50 || pages < 5 || most > 16<<20 {
		t.Errorf("%d words came in %d pages, one of them of %d bytes", words, pages, most)
	}
}

package versions

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/magereduce/magereduce/pkg/gotest"
)

// trial is one thing that is run on a server.
type trial struct {
	name string
	run  func(ctx context.Context, out io.Writer) error
}

// trials are all trials of a server. One of them moves a folder from the server old.
func trials(s, old *server) []trial {
	all := []trial{{"go test ./...", func(ctx context.Context, out io.Writer) error {
		_, err := gotest.Run(ctx, out, s.environ(), "-count=1", "-timeout=30m", "./...")
		return err
	}}}
	for _, reducers := range []string{"", "0"} {
		all = append(all, commands(s, reducers, "run", "verify"), commands(s, reducers, "chaos:restartRedis"))
	}
	return append(all, trial{"a folder of " + old.version, func(ctx context.Context, out io.Writer) error {
		return move(ctx, out, old, s)
	}})
}

// gateTests test what differs between servers: rights, and containers. Redis 7.0 skips the last one.
var gateTests = []string{
	"TestTheUserInTheREADMESuffices",
	"TestTheUserInTheREADMESufficesBehindASentinel",
	"TestTheUserInTheREADMESufficesOnACluster",
	"TestFault66TheUserInTheREADMEReplacesNobodysFunctions",
	"TestFault66AUserWhoMayNotLoadTheLibraryIsToldWhoLoadsIt",
	"TestWorkersAreConnectedAsAUserOfTheirOwn",
	"TestWorkersUserCanDoNothingButTasksOfItsJob",
	"TestAFunctionWritesNothingIfTheRightToAnyOfItsCommandsLacks",
	"TestTotalsAreNotAcknowledgedIfTheRightToStoreThemLacks",
	"TestAUserWithoutOneOfItsRightsEndsTheRunExactlyOrRefused",
	"TestContainer",
	"TestAJobOnARedisInAContainerIsExactThroughARestart",
	"TestASealWithWaitAOFSurvivesACrashThatLeavesTheAppendOnlyFile",
}

func gateTrials(s *server) []trial {
	return []trial{
		commands(s, "", "run", "verify"),
		{"rights, containers", func(ctx context.Context, out io.Writer) error {
			ran, err := gotest.Run(ctx, out, s.environ(), "-count=1", "-timeout=15m", "-run=^("+strings.Join(gateTests, "|")+")$",
				"./pkg/redisd", "./pkg/targets", "./pkg/wordcount", "./pkg/wordcount/protocol")
			if err != nil {
				return err
			}
			for _, name := range gateTests {
				if !slices.Contains(ran, name) {
					return fmt.Errorf("%s hasn't run", name)
				}
			}
			return nil
		}},
		commands(s, "", "chaos:restartRedis"),
	}
}

// environ makes the tests start this server.
func (s *server) environ() []string { return []string{"REDISTEST_SERVER=" + s.program} }

package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"phlb/internal/ping"
)

// pings tells the URLs of a run's sources of the run. They are secrets, and
// not shown anywhere. A nil *pings tells nobody.
type pings struct {
	app     *app
	urls    []string // each once, whatever the number of its sources
	started chan struct{}
	cancel  context.CancelFunc // of telling that the run begins
}

// begin tells that the run begins. Nobody waits for that: a service that does
// not answer must not keep a backup from being made.
func (h *hookRun) begin(ctx context.Context) {
	if h == nil {
		return
	}
	p := &pings{app: h.app, started: make(chan struct{})}
	for _, s := range h.sources {
		if url := s.hooks.Ping; url != "" && !slices.Contains(p.urls, url) {
			p.urls = append(p.urls, url)
		}
	}
	if len(p.urls) == 0 {
		return
	}
	h.pings = p
	// An interrupt right after the begin must not bring the calls out of order.
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(p.started)
		p.tell(ctx, func(string) (ping.Signal, string) { return ping.Start, "" })
	}()
}

// How long is waited at the end of a run for telling of its begin, and, after
// an interrupt, for telling of that.
const (
	startWait = 2 * time.Second
	farewell  = 5 * time.Second
)

// end tells what the run came to: a URL hears of a failure if any of its
// sources failed.
func (p *pings) end(ctx context.Context, sources []*hookSource) {
	if p == nil {
		return
	}
	p.settle()
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), farewell)
		defer cancel()
	}
	p.tell(ctx, func(url string) (ping.Signal, string) {
		var failures []string
		for _, s := range sources {
			if s.hooks.Ping == url && s.outcome != nil {
				failures = append(failures, s.name+": "+s.outcome.Error())
			}
		}
		if len(failures) > 0 {
			return ping.Fail, strings.Join(failures, "\n") + "\n"
		}
		return ping.Success, ""
	})
}

// settle makes sure that nothing is told of the begin after the end is.
func (p *pings) settle() {
	timer := time.NewTimer(startWait)
	defer timer.Stop()
	select {
	case <-p.started:
	case <-timer.C:
	}
	p.cancel()
	<-p.started
}

// tell tells every URL, all at the same time, and waits. What fails is a
// warning and nothing more.
func (p *pings) tell(ctx context.Context, what func(url string) (ping.Signal, string)) {
	var all sync.WaitGroup
	for _, url := range p.urls {
		signal, text := what(url)
		all.Go(func() {
			err := ping.Send(ctx, url, signal, text, ping.Options{UserAgent: "phlb/" + version()})
			if err != nil && ctx.Err() == nil {
				p.app.log.Warn("a ping failed; the backup is not affected", "error", err)
			}
		})
	}
	all.Wait()
}

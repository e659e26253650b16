// Package ping tells a URL that a run begins, that it went well, or that it
// failed, as services that wait for such calls want to be told.
//
// It must never make a run fail, hold it up for long, or show the URL, which
// is a secret to such services: errors name no more than its host.
package ping

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Signal says what is told.
type Signal string

// The signals.
const (
	Start   Signal = "start"   // GET URL/start
	Success Signal = "success" // GET URL
	Fail    Signal = "fail"    // POST URL/fail, with a text
)

// Options say how hard it is tried. Zero values stand for the defaults.
type Options struct {
	Timeout   time.Duration // of one attempt; 10 seconds
	Backoff   time.Duration // before the first retry, doubled before each further one; a second
	UserAgent string
}

const (
	retries = 3
	maxText = 10_000 // bytes of the text that goes with a failure
)

// ErrAnswer is the cause when the other side answered, but not with success.
var ErrAnswer = errors.New("answered")

// Send tells target, an http or https URL. Text goes with Fail only. What may
// go well the next time (no connection, no answer, 408, 429, 5xx) is tried
// three times more.
func Send(ctx context.Context, target string, signal Signal, text string, o Options) error {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Backoff <= 0 {
		o.Backoff = time.Second
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return errors.New("ping: not a URL") // the cause would show it
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: o.Timeout}
	for try := 0; ; try++ {
		again, err := once(ctx, client, u, signal, text, o.UserAgent)
		if err == nil {
			return nil
		}
		err = fmt.Errorf("ping %s (%s): %w", u.Host, signal, err)
		if !again || try == retries || !wait(ctx, o.Backoff<<try) {
			return err
		}
	}
}

// wait returns false if ctx ends first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// once tries once, and says after an error whether trying again makes sense.
func once(ctx context.Context, client *http.Client, u *url.URL, signal Signal, text, agent string) (again bool, err error) {
	method, to, body := http.MethodGet, u, io.Reader(nil)
	switch signal {
	case Start:
		to = u.JoinPath("start")
	case Fail:
		method, to = http.MethodPost, u.JoinPath("fail")
		body = strings.NewReader(strings.ToValidUTF8(text[:min(len(text), maxText)], "\uFFFD"))
	}
	request, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return false, errors.New("the URL cannot be called")
	}
	request.Header.Set("User-Agent", agent)
	if signal == Fail {
		request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	response, err := client.Do(request)
	if err != nil {
		if at := (*url.Error)(nil); errors.As(err, &at) {
			err = at.Err // without the URL
		}
		return ctx.Err() == nil, err
	}
	defer response.Body.Close()
	code := response.StatusCode
	if code >= 200 && code < 300 {
		return false, nil
	}
	again = code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout
	return again, fmt.Errorf("%w %d %s", ErrAnswer, code, http.StatusText(code))
}

package ping

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers as told, and keeps what it was asked.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string
}

func serve(t *testing.T, answer func(call int, w http.ResponseWriter, r *http.Request)) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.calls = append(s.calls, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
		n := len(s.calls)
		s.mu.Unlock()
		if r.Header.Get("User-Agent") != "phlb/test" {
			t.Errorf("user agent %q", r.Header.Get("User-Agent"))
		}
		answer(n, w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

var quick = Options{Timeout: 5 * time.Second, Backoff: time.Millisecond, UserAgent: "phlb/test"}

func ok(int, http.ResponseWriter, *http.Request) {}

func TestSignals(t *testing.T) {
	s := serve(t, ok)
	for _, c := range []struct {
		path   string
		signal Signal
		want   string
	}{
		{"/secret", Start, "GET /secret/start"}, {"/secret", Success, "GET /secret"}, {"/secret", Fail, "POST /secret/fail why\xef\xbf\xbd"},
		{"/secret/?rid=7", Start, "GET /secret/start?rid=7"}, {"/secret?rid=7", Fail, "POST /secret/fail?rid=7 why\xef\xbf\xbd"},
	} {
		if err := Send(t.Context(), s.URL+c.path, c.signal, "why\xff", quick); err != nil {
			t.Error(err)
		}
		if got := s.asked(); got[len(got)-1] != c.want {
			t.Errorf("%s %s: asked %q, want %q", c.path, c.signal, got[len(got)-1], c.want)
		}
	}
	if n := len(s.asked()); n != 5 {
		t.Errorf("%d calls", n)
	}
}

// TestText: an error may be as long as it likes.
func TestText(t *testing.T) {
	s := serve(t, ok)
	if err := Send(t.Context(), s.URL, Fail, strings.Repeat("ä", maxText), quick); err != nil {
		t.Error(err)
	}
	if n := len(s.asked()[0]); n > maxText+20 || n < maxText {
		t.Errorf("%d bytes were sent", n)
	}
}

func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name    string
		codes   []int // the last one for ever
		calls   int
		success bool
	}{
		{"fails twice", []int{503, 429, 200}, 3, true},
		{"fails for ever", []int{500}, 4, false},
		{"is gone", []int{404}, 1, false},
		{"wants no more", []int{500, 410}, 2, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, func(call int, w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.codes[min(call, len(c.codes))-1])
			})
			err := Send(t.Context(), s.URL+"/secret", Success, "", quick)
			if (err == nil) != c.success || len(s.asked()) != c.calls {
				t.Errorf("%v, %d calls", err, len(s.asked()))
			}
			if err != nil && (!errors.Is(err, ErrAnswer) || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "127.0.0.1")) {
				t.Errorf("the error: %v", err)
			}
		})
	}
}

// TestNoAnswer: a service that hangs, or does not exist, holds nobody up for
// longer than it may, and its URL stays a secret.
func TestNoAnswer(t *testing.T) {
	s := serve(t, func(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	o := quick
	o.Timeout = 20 * time.Millisecond
	began := time.Now()
	err := Send(t.Context(), s.URL+"/secret", Start, "", o)
	if err == nil || len(s.asked()) != 4 || time.Since(began) > 4*time.Second || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v, %d calls, %v", err, len(s.asked()), time.Since(began))
	}
	s.Close()
	if err := Send(t.Context(), s.URL+"/secret", Success, "", o); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("nobody is there: %v", err)
	}
	for _, bad := range []string{"", "secret", "http://[secret", "ftp://host/secret"} {
		if err := Send(t.Context(), bad, Success, "", o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusBadGateway)
	})
	o := quick
	o.Backoff = time.Hour
	if err := Send(ctx, s.URL, Success, "", o); err == nil || len(s.asked()) != 1 {
		t.Errorf("%v, %d calls", err, len(s.asked()))
	}
}

package core

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// teller is a store that tells what a test gives it, and then ends with err or with its context.
type teller struct {
	nowhere
	events []Event
	err    error
}

func (s teller) Watch(ctx context.Context, after int64, send func(int64, []Event) error) error {
	if err := send(7, nil); err != nil {
		return err
	}
	if err := send(7, s.events); err != nil {
		return err
	}
	if s.err != nil {
		return s.err
	}
	<-ctx.Done()
	return ctx.Err()
}

func watched(store Store, last, beat time.Duration) (*Watches, *int) {
	open := 0
	watches := NewWatches(store, func(now int) { open = now })
	watches.last, watches.beat = last, beat
	return watches, &open
}

func ask(handler http.Handler) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest("GET", "/watch/users", nil))
	return answer
}

func TestAStreamEndsByItselfAndBeatsMeanwhile(t *testing.T) {
	watches, open := watched(teller{events: []Event{{8, "created", User{ID: "a", Name: "Ay"}}}}, 100*time.Millisecond, 20*time.Millisecond)
	answer := ask(watches)
	text := answer.Body.String()
	if answer.Code != 200 || !strings.HasPrefix(text, "retry: 100\nid: 7\n\nid: 8\nevent: created\n") || !strings.Contains(text, ": still here\n\n") {
		t.Errorf("status %d: %s", answer.Code, text)
	}
	if strings.Contains(text, "failed") || *open != 0 {
		t.Errorf("%d streams are open: %s", *open, text)
	}
}

func TestAStoreThatFailsMeanwhileIsToldAsTheLastEvent(t *testing.T) {
	watches, _ := watched(teller{err: errors.New("a secret of the network")}, time.Second, time.Second)
	if text := ask(watches).Body.String(); !strings.HasSuffix(text, "event: failed\ndata: {\"error\":\"the store cannot be asked now\"}\n\n") {
		t.Error(text)
	}
}

func TestThereAreNoMoreStreamsThanTheLimit(t *testing.T) {
	watches, open := watched(teller{}, 10*time.Second, time.Second)
	watches.most = 1
	first := make(chan *httptest.ResponseRecorder, 1)
	go func() { first <- ask(watches) }()
	for until := time.Now().Add(10 * time.Second); watches.begin(); time.Sleep(time.Millisecond) {
		watches.end() // the first has not come yet
		if time.Now().After(until) {
			t.Fatal("it never began")
		}
	}
	if answer := ask(watches); answer.Code != 503 || answer.Header().Get("Retry-After") == "" || !strings.Contains(answer.Body.String(), "too many") {
		t.Errorf("status %d: %s", answer.Code, answer.Body)
	}
	watches.Stop()
	if answer := <-first; answer.Code != 200 || *open != 0 {
		t.Errorf("status %d, %d open", answer.Code, *open)
	}
}

// deaf is an answer that cannot be flushed.
type deaf struct{ http.ResponseWriter }

func TestWhatCannotBeStreamedToIsToldSo(t *testing.T) {
	watches, _ := watched(teller{}, time.Second, time.Second)
	answer := httptest.NewRecorder()
	watches.ServeHTTP(deaf{answer}, httptest.NewRequest("GET", "/watch/users", nil))
	if answer.Code != 501 || !strings.Contains(answer.Body.String(), "cannot be streamed to") {
		t.Errorf("status %d: %s", answer.Code, answer.Body)
	}
}

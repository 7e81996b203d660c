package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// WatchFor is how long one stream lasts. It ends by itself before the server's limit for writing an answer would cut
	// it; EventSource comes back with the id of the last event, and nothing is lost in between.
	WatchFor = 25 * time.Second
	// Something is written that often, so that a client that went away is found out.
	watchBeat = 5 * time.Second
)

var (
	errStopping = errors.New("the service is about to stop: ask another one")
	errWatched  = errors.New("too many streams are open: come back later")
	errNoStream = errors.New("this connection cannot be streamed to")
)

// Watches streams what happens to users as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
// The id of an event is the store's revision.
type Watches struct {
	store Store
	last  time.Duration
	beat  time.Duration
	most  int
	count func(open int)

	mutex   sync.Mutex
	open    int
	stopped chan struct{}
	once    sync.Once
}

// NewWatches takes nil for a store that is not configured. It tells count how many streams are open.
func NewWatches(store Store, count func(open int)) *Watches {
	if store == nil {
		store = nowhere{}
	}
	return &Watches{store: store, last: WatchFor, beat: watchBeat, most: WatchLimit, count: count, stopped: make(chan struct{})}
}

// Stop ends every stream and lets none begin: an orderly stop would wait for them otherwise.
func (w *Watches) Stop() { w.once.Do(func() { close(w.stopped) }) }

// Stopping says whether Stop was called.
func (w *Watches) Stopping() bool {
	select {
	case <-w.stopped:
		return true
	default:
		return false
	}
}

// ServeHTTP starts after the revision of Last-Event-ID, of ?after=REVISION, or with what happens from now on.
func (w *Watches) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	flusher, flushes := answer.(http.Flusher)
	after, err := revisionOf(request)
	switch {
	case !flushes:
		err = errNoStream
	case err == nil && w.Stopping():
		err = errStopping
	case err == nil && !w.begin():
		err = errWatched
	case err == nil:
		defer w.end()
	}
	if err != nil {
		refuse(answer, err)
		return
	}
	ctx, cancel := context.WithTimeout(request.Context(), w.last)
	defer cancel()
	to := &stream{answer: answer, flusher: flusher}
	ended := make(chan error, 1)
	go func() { ended <- w.store.Watch(ctx, after, to.events) }()
	to.close(w.wait(to, ended, cancel))
}

// wait returns what the store ended with; nothing writes to an answer that is over.
func (w *Watches) wait(to *stream, ended <-chan error, cancel func()) error {
	beat := time.NewTicker(w.beat)
	defer beat.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-w.stopped:
			cancel()
			return <-ended
		case <-beat.C:
			if err := to.comment("still here"); err != nil {
				cancel()
				return <-ended
			}
		}
	}
}

// stream is one answer. It begins once the store has said from where on it tells.
type stream struct {
	mutex   sync.Mutex
	answer  http.ResponseWriter
	flusher http.Flusher
	began   bool
}

func (s *stream) events(start int64, events []Event) error {
	var text strings.Builder
	for _, event := range events {
		user, err := json.Marshal(event.User)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "id: %d\nevent: %s\ndata: %s\n\n", event.Revision, event.Kind, user)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.began {
		s.begin(start)
	}
	return s.write(text.String())
}

func (s *stream) comment(text string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.began {
		return nil
	}
	return s.write(": " + text + "\n\n")
}

func (s *stream) write(text string) error {
	if _, err := s.answer.Write([]byte(text)); err != nil {
		return err
	}
	s.flusher.Flush()
	return nil
}

// begin gives the client an id, so that one that comes back before the first event misses nothing either.
func (s *stream) begin(start int64) {
	s.began = true
	s.answer.Header().Set("Content-Type", "text/event-stream")
	s.answer.Header().Set("Cache-Control", "no-store")
	s.answer.WriteHeader(http.StatusOK)
	_, _ = fmt.Fprintf(s.answer, "retry: 100\nid: %d\n\n", start)
}

// close tells a client that the store failed: as the answer itself where no stream began, else as the last event.
func (s *stream) close(err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, problem := failure(err)
	switch {
	case !s.began:
		refuse(s.answer, err)
	case err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
	default:
		text, _ := json.Marshal(problem)
		_ = s.write("event: failed\ndata: " + string(text) + "\n\n")
	}
}

func (w *Watches) begin() bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.open >= w.most {
		return false
	}
	w.open++
	w.count(w.open)
	return true
}

func (w *Watches) end() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.open--
	w.count(w.open)
}

// revisionOf is -1 where the client names none.
func revisionOf(request *http.Request) (int64, error) {
	text := request.Header.Get("Last-Event-ID")
	if text == "" {
		text = request.URL.Query().Get("after")
	}
	if text == "" {
		return -1, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 {
		return 0, invalid("Last-Event-ID and after are revisions, as a list and an event tell them")
	}
	return number, nil
}

func refuse(answer http.ResponseWriter, err error) {
	status, problem := failure(err)
	switch err {
	case errStopping, errWatched:
		problem = Problem{err.Error()}
		answer.Header().Set("Retry-After", "1")
	case errNoStream:
		status, problem = http.StatusNotImplemented, Problem{err.Error()}
	}
	text, _ := json.Marshal(problem)
	answer.Header().Set("Content-Type", "application/json; charset=utf-8")
	answer.WriteHeader(status)
	_, _ = answer.Write(text)
}

package core

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// StoreLimit is how long a request waits for the store. A write to a cluster that just lost its leader takes
// about a second: the members wait that long before they elect another.
const StoreLimit = 3 * time.Second

var errTooLarge = errors.New("the body is too large")

// Problem is the body of every answer that is no success.
type Problem struct {
	Error string `json:"error"`
}

// Page is the answer to a list: some users in the order of their ids, and whether there are more: ask with
// ?after=NEXT then. A watch after the revision tells what changed since.
type Page struct {
	Users    []User `json:"users"`
	More     bool   `json:"more"`
	Next     string `json:"next,omitempty"`
	Revision int64  `json:"revision"`
}

// Users answers what is asked about users: each method returns the status and the body, nil for none.
type Users struct {
	store Store
	limit time.Duration
}

// NewUsers takes nil for a store that is not configured; every question about users is answered 503 then.
func NewUsers(store Store) *Users {
	if store == nil {
		store = nowhere{}
	}
	return &Users{store, StoreLimit}
}

// Create reads a user from a request's body and keeps it. An id is made where the client gives none.
func (u *Users) Create(ctx context.Context, body io.Reader) (int, interface{}) {
	user, err := readUser(body)
	if err != nil {
		return failure(err)
	}
	if user.ID == "" {
		if user.ID, err = newID(); err != nil {
			return failure(err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, u.limit)
	defer cancel()
	if err := u.store.Create(ctx, user); err != nil {
		return failure(err)
	}
	return http.StatusCreated, user
}

func (u *Users) Read(ctx context.Context, id string) (int, interface{}) {
	if err := checkID(id); err != nil {
		return failure(err)
	}
	ctx, cancel := context.WithTimeout(ctx, u.limit)
	defer cancel()
	user, err := u.store.Read(ctx, id)
	if err != nil {
		return failure(err)
	}
	return http.StatusOK, user
}

// List answers with at most ?limit=N users, 1 to ListLimit, of those behind ?after=ID.
func (u *Users) List(ctx context.Context, asked url.Values) (int, interface{}) {
	limit, after := ListLimit, asked.Get("after")
	if text := asked.Get("limit"); text != "" {
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 || number > ListLimit {
			return failure(invalid(fmt.Sprintf("limit is a number from 1 to %d", ListLimit)))
		}
		limit = number
	}
	if after != "" {
		if err := checkID(after); err != nil {
			return failure(invalid("after: " + err.Error()))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, u.limit)
	defer cancel()
	listed, err := u.store.List(ctx, after, limit)
	if err != nil {
		return failure(err)
	}
	page := Page{Users: listed.Users, More: listed.More, Revision: listed.Revision}
	if page.More && len(page.Users) > 0 {
		page.Next = page.Users[len(page.Users)-1].ID
	}
	return http.StatusOK, page
}

func (u *Users) Delete(ctx context.Context, id string) (int, interface{}) {
	if err := checkID(id); err != nil {
		return failure(err)
	}
	ctx, cancel := context.WithTimeout(ctx, u.limit)
	defer cancel()
	if err := u.store.Delete(ctx, id); err != nil {
		return failure(err)
	}
	return http.StatusNoContent, nil
}

// Ready says whether the store can be asked now.
func (u *Users) Ready(ctx context.Context) (int, interface{}) {
	ctx, cancel := context.WithTimeout(ctx, u.limit)
	defer cancel()
	if err := u.store.Ready(ctx); err != nil {
		return failure(err)
	}
	return http.StatusOK, map[string]string{"status": "ready"}
}

// Close lets go of the store.
func (u *Users) Close() error { return u.store.Close() }

func failure(err error) (int, interface{}) {
	var wrong invalid
	status, said := http.StatusServiceUnavailable, "the store cannot be asked now"
	switch {
	case errors.Is(err, ErrNotFound):
		status, said = http.StatusNotFound, err.Error()
	case errors.Is(err, ErrExists):
		status, said = http.StatusConflict, err.Error()
	case errors.Is(err, ErrForgotten):
		status, said = http.StatusGone, err.Error()
	case errors.Is(err, ErrNotConfigured):
		said = err.Error()
	case errors.Is(err, errTooLarge):
		status, said = http.StatusRequestEntityTooLarge, err.Error()
	case errors.As(err, &wrong):
		status, said = http.StatusBadRequest, err.Error()
	case errors.Is(err, context.DeadlineExceeded):
		status, said = http.StatusGatewayTimeout, "the store did not answer in time"
	}
	return status, Problem{said}
}

// newID is 128 random bits: no two hosts need to ask each other.
func newID() (string, error) {
	var random [16]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", err
	}
	return hex.EncodeToString(random[:]), nil
}

// nowhere is the store of a service that was given none.
type nowhere struct{}

func (nowhere) Create(context.Context, User) error                { return ErrNotConfigured }
func (nowhere) Read(context.Context, string) (User, error)        { return User{}, ErrNotConfigured }
func (nowhere) List(context.Context, string, int) (Listed, error) { return Listed{}, ErrNotConfigured }
func (nowhere) Watch(context.Context, int64, func(int64, []Event) error) error {
	return ErrNotConfigured
}
func (nowhere) Delete(context.Context, string) error { return ErrNotConfigured }
func (nowhere) Ready(context.Context) error          { return ErrNotConfigured }
func (nowhere) Close() error                         { return nil }

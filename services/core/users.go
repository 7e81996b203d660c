package core

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
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

// Page is the answer to a list: the first users in the order of their ids, and whether there are more.
type Page struct {
	Users []User `json:"users"`
	More  bool   `json:"more"`
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

// List answers with at most ListLimit users.
func (u *Users) List(ctx context.Context) (int, interface{}) {
	ctx, cancel := context.WithTimeout(ctx, u.limit)
	defer cancel()
	users, more, err := u.store.List(ctx, ListLimit)
	if err != nil {
		return failure(err)
	}
	return http.StatusOK, Page{users, more}
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

// Ready says whether users can be asked about now. The process itself may be well all the same.
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

func (nowhere) Create(context.Context, User) error              { return ErrNotConfigured }
func (nowhere) Read(context.Context, string) (User, error)      { return User{}, ErrNotConfigured }
func (nowhere) List(context.Context, int) ([]User, bool, error) { return nil, false, ErrNotConfigured }
func (nowhere) Delete(context.Context, string) error            { return ErrNotConfigured }
func (nowhere) Ready(context.Context) error                     { return ErrNotConfigured }
func (nowhere) Close() error                                    { return nil }

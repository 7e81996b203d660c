// Package core is the user service without its framework: what a user is, where users are kept, and what is
// answered. It keeps to what Go 1.16 has, since the Go of a port may be that old.
package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a client may send and get.
const (
	BodyBytes  = 4 << 10 // of one request
	IDBytes    = 64
	NameBytes  = 200
	EmailBytes = 254 // RFC 5321, 4.5.3.1.3, less the brackets
	ListLimit  = 100 // users in one answer
	WatchLimit = 256 // streams at a time
)

// User is what is kept.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email,omitempty"`
}

// Listed is some of the users in the order of their ids, whether there are more behind them, and the store's revision:
// what changes later has a greater one.
type Listed struct {
	Users    []User
	More     bool
	Revision int64
}

// Event is a change of one user; a deleted one has its id only.
type Event struct {
	Revision int64
	Kind     string // created, changed, deleted
	User     User
}

// What a store answers besides users. Any other error means that it cannot be asked now.
var (
	ErrNotFound      = errors.New("there is no such user")
	ErrExists        = errors.New("there is a user of that id already")
	ErrForgotten     = errors.New("the store no longer knows what changed since then: list the users again")
	ErrNotConfigured = errors.New("no store is configured: set -etcd-endpoints, -etcd-ca, -etcd-cert and -etcd-key, " +
		"or USERS_ETCD_ENDPOINTS, USERS_ETCD_CA, USERS_ETCD_CERT and USERS_ETCD_KEY")
)

// Store keeps users. Every call ends when its context does.
type Store interface {
	Create(ctx context.Context, user User) error       // ErrExists
	Read(ctx context.Context, id string) (User, error) // ErrNotFound
	// List starts behind the id after, or with the first user where it is empty.
	List(ctx context.Context, after string, limit int) (Listed, error)
	Delete(ctx context.Context, id string) error // ErrNotFound
	// Watch tells what changes after a revision, in its order and all of it, until ctx ends or send fails; -1 is from now
	// on. The first call of send has the revision that the store starts behind, and no events.
	// ErrForgotten where the store cannot tell all of it.
	Watch(ctx context.Context, after int64, send func(start int64, events []Event) error) error
	Ready(ctx context.Context) error
	Close() error
}

// invalid is an error that is the client's.
type invalid string

func (e invalid) Error() string { return string(e) }

// readUser reads one user from a request's body. Unknown fields, a second value and too many bytes are refused.
func readUser(body io.Reader) (User, error) {
	limited := &io.LimitedReader{R: body, N: BodyBytes + 1}
	decoder := json.NewDecoder(limited)
	decoder.DisallowUnknownFields()
	var user User
	err := decoder.Decode(&user)
	if limited.N <= 0 {
		return user, errTooLarge
	}
	if err != nil {
		return user, invalid("the body is not a user as JSON: " + err.Error())
	}
	if _, err := decoder.Token(); err != io.EOF {
		return user, invalid("the body holds more than one user")
	}
	return user, user.check()
}

func (u User) check() error {
	if u.ID != "" {
		if err := checkID(u.ID); err != nil {
			return err
		}
	}
	if strings.TrimSpace(u.Name) == "" {
		return invalid("a user has a name")
	}
	for _, field := range []struct {
		name, value string
		most        int
	}{{"name", u.Name, NameBytes}, {"email", u.Email, EmailBytes}} {
		if len(field.value) > field.most {
			return invalid(fmt.Sprintf("%s has %d bytes, at most %d are allowed", field.name, len(field.value), field.most))
		}
		if !utf8.ValidString(field.value) || strings.IndexFunc(field.value, unicode.IsControl) >= 0 {
			return invalid(field.name + " holds what is no printable text")
		}
	}
	return nil
}

// checkID admits what can stand in a path and in a key without being quoted.
func checkID(id string) error {
	if id == "" || len(id) > IDBytes {
		return invalid(fmt.Sprintf("an id has 1 to %d bytes", IDBytes))
	}
	for _, r := range id {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
		default:
			return invalid("an id holds letters, digits, - and _ only")
		}
	}
	return nil
}

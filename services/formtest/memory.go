package formtest

import (
	"context"
	"sort"
	"sync"

	"runbook.example/services/core"
)

// Memory is a store for tests that lasts as long as they do; Broken makes every call fail.
type Memory struct {
	Broken error

	mutex   sync.Mutex
	users   map[string]core.User
	history []core.Event
	changed chan struct{} // closed at the next change
}

func (m *Memory) revision() int64 { return int64(len(m.history)) }

// record is called with the mutex held.
func (m *Memory) record(kind string, user core.User) {
	m.history = append(m.history, core.Event{Revision: m.revision() + 1, Kind: kind, User: user})
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

func (m *Memory) Create(_ context.Context, user core.User) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.users == nil {
		m.users = map[string]core.User{}
	}
	if _, there := m.users[user.ID]; there {
		return core.ErrExists
	}
	m.users[user.ID] = user
	m.record("created", user)
	return m.Broken
}

func (m *Memory) Read(_ context.Context, id string) (core.User, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	user, there := m.users[id]
	if !there && m.Broken == nil {
		return user, core.ErrNotFound
	}
	return user, m.Broken
}

func (m *Memory) List(_ context.Context, after string, limit int) (core.Listed, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	found := make([]core.User, 0, len(m.users))
	for _, user := range m.users {
		if user.ID > after {
			found = append(found, user)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].ID < found[j].ID })
	listed := core.Listed{Users: found, More: len(found) > limit, Revision: m.revision()}
	if listed.More {
		listed.Users = found[:limit]
	}
	return listed, m.Broken
}

func (m *Memory) Delete(_ context.Context, id string) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if _, there := m.users[id]; !there {
		return core.ErrNotFound
	}
	delete(m.users, id)
	m.record("deleted", core.User{ID: id})
	return m.Broken
}

// Watch forgets what etcd would say of a revision that it never reached.
func (m *Memory) Watch(ctx context.Context, after int64, send func(int64, []core.Event) error) error {
	if m.Broken != nil {
		return m.Broken
	}
	m.mutex.Lock()
	if after < 0 {
		after = m.revision()
	}
	known := after <= m.revision()
	m.mutex.Unlock()
	if !known {
		return core.ErrForgotten
	}
	start := after
	err := send(start, nil)
	for err == nil {
		m.mutex.Lock()
		if m.changed == nil {
			m.changed = make(chan struct{})
		}
		news, next := append([]core.Event(nil), m.history[after:]...), m.changed
		m.mutex.Unlock()
		if len(news) > 0 {
			after += int64(len(news))
			err = send(start, news)
			continue
		}
		select {
		case <-next:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return err
}

func (m *Memory) Ready(context.Context) error { return m.Broken }
func (m *Memory) Close() error                { return nil }

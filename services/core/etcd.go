package core

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/ioutil"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

const (
	prefix = "/users/"
	// A member that went away without a word is found out after both, and the next one is asked.
	keepAliveEvery = 5 * time.Second
	keepAliveLimit = 2 * time.Second
)

// EtcdSettings is where the cluster is and how the service shows itself there. No endpoints: no cluster.
type EtcdSettings struct {
	Endpoints []string // https://host:port
	CA        string   // files, PEM
	Cert      string
	Key       string
}

// Endpoints takes a list apart that is separated by commas.
func Endpoints(text string) []string {
	var found []string
	for _, one := range strings.Split(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			found = append(found, one)
		}
	}
	return found
}

type etcdStore struct{ client *clientv3.Client }

// OpenEtcd reads the certificates and returns a store; it does not wait for the cluster. nil without endpoints.
func OpenEtcd(settings EtcdSettings) (Store, error) {
	if len(settings.Endpoints) == 0 {
		return nil, nil
	}
	secured, err := settings.tls()
	if err != nil {
		return nil, err
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: settings.Endpoints, TLS: secured,
		DialKeepAliveTime: keepAliveEvery, DialKeepAliveTimeout: keepAliveLimit,
		Logger: zap.NewNop(), // what matters is in the answers
	})
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	return &etcdStore{client}, nil
}

// tls asks for all three files: a cluster that lets strangers in is not one to keep users in.
func (s EtcdSettings) tls() (*tls.Config, error) {
	for _, one := range s.Endpoints {
		if !strings.HasPrefix(one, "https://") {
			return nil, fmt.Errorf("etcd: %s is no https:// address", one)
		}
	}
	if s.CA == "" || s.Cert == "" || s.Key == "" {
		return nil, errors.New("etcd: endpoints need -etcd-ca, -etcd-cert and -etcd-key as well")
	}
	pem, err := ioutil.ReadFile(s.CA)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("etcd: %s holds no certificate", s.CA)
	}
	own, err := tls.LoadX509KeyPair(s.Cert, s.Key)
	if err != nil {
		return nil, fmt.Errorf("etcd: %s and %s: %w", s.Cert, s.Key, err)
	}
	return &tls.Config{RootCAs: trusted, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}, nil
}

func (s *etcdStore) Create(ctx context.Context, user User) error {
	value, err := json.Marshal(user)
	if err != nil {
		return err
	}
	key := prefix + user.ID
	done, err := s.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(clientv3.OpPut(key, string(value))).
		Commit()
	if err != nil {
		return inTime(ctx, err)
	}
	if !done.Succeeded {
		return ErrExists
	}
	return nil
}

func (s *etcdStore) Read(ctx context.Context, id string) (User, error) {
	found, err := s.client.Get(ctx, prefix+id)
	if err != nil {
		return User{}, inTime(ctx, err)
	}
	if len(found.Kvs) == 0 {
		return User{}, ErrNotFound
	}
	return decoded(found.Kvs[0].Key, found.Kvs[0].Value)
}

func (s *etcdStore) List(ctx context.Context, after string, limit int) (Listed, error) {
	first := prefix
	if after != "" {
		first += after + "\x00" // the least key behind it
	}
	found, err := s.client.Get(ctx, first,
		clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)), clientv3.WithLimit(int64(limit)))
	if err != nil {
		return Listed{}, inTime(ctx, err)
	}
	listed := Listed{make([]User, 0, len(found.Kvs)), found.More, found.Header.Revision}
	for _, one := range found.Kvs {
		user, err := decoded(one.Key, one.Value)
		if err != nil {
			return Listed{}, err
		}
		listed.Users = append(listed.Users, user)
	}
	return listed, nil
}

// Watch asks for a leader: a member that the others left behind ends the stream, instead of being silent for good.
func (s *etcdStore) Watch(ctx context.Context, after int64, send func(int64, []Event) error) error {
	start, err := s.startOf(ctx, after)
	if err != nil {
		return err
	}
	if err := send(start, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel() // ends the stream at the member too
	changes := s.client.Watch(ctx, prefix, clientv3.WithPrefix(), clientv3.WithRev(start+1))
	for seen := range changes {
		if seen.CompactRevision != 0 {
			return ErrForgotten
		}
		if err := seen.Err(); err != nil {
			return inTime(ctx, err)
		}
		events := make([]Event, 0, len(seen.Events))
		for _, one := range seen.Events {
			event, err := changed(one)
			if err != nil {
				return err
			}
			events = append(events, event)
		}
		if err := send(start, events); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// startOf is the revision to start behind. What was compacted away, or was never reached by a cluster that came back
// from a snapshot, is forgotten.
func (s *etcdStore) startOf(ctx context.Context, after int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, StoreLimit)
	defer cancel()
	asked := []clientv3.OpOption{clientv3.WithPrefix(), clientv3.WithCountOnly()}
	if after > 0 {
		asked = append(asked, clientv3.WithRev(after))
	}
	found, err := s.client.Get(ctx, prefix, asked...)
	switch {
	case errors.Is(err, rpctypes.ErrCompacted), errors.Is(err, rpctypes.ErrFutureRev):
		return 0, ErrForgotten
	case err != nil:
		return 0, inTime(ctx, err)
	case after < 0:
		return found.Header.Revision, nil
	}
	return after, nil
}

func changed(one *clientv3.Event) (Event, error) {
	if one.Type == clientv3.EventTypeDelete {
		id := strings.TrimPrefix(string(one.Kv.Key), prefix)
		return Event{one.Kv.ModRevision, "deleted", User{ID: id}}, nil
	}
	user, err := decoded(one.Kv.Key, one.Kv.Value)
	kind := "changed" // nobody does by this service, but somebody may with etcdctl
	if one.IsCreate() {
		kind = "created"
	}
	return Event{one.Kv.ModRevision, kind, user}, err
}

func (s *etcdStore) Delete(ctx context.Context, id string) error {
	done, err := s.client.Delete(ctx, prefix+id)
	if err != nil {
		return inTime(ctx, err)
	}
	if done.Deleted == 0 {
		return ErrNotFound
	}
	return nil
}

// Ready asks for something that a majority has to agree on.
func (s *etcdStore) Ready(ctx context.Context) error {
	_, err := s.client.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	return inTime(ctx, err)
}

func (s *etcdStore) Close() error { return s.client.Close() }

func decoded(key, value []byte) (User, error) {
	var user User
	if err := json.Unmarshal(value, &user); err != nil {
		return User{}, fmt.Errorf("etcd: %s holds no user: %w", key, err)
	}
	return user, nil
}

// inTime tells a limit that passed from other errors: etcd's client and its members have words of their own for it.
func inTime(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() == context.DeadlineExceeded || errors.Is(err, rpctypes.ErrTimeout) {
		return context.DeadlineExceeded
	}
	return err
}

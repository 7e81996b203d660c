// Package envelope checks a DSSE envelope around an in-toto statement against keys that are trusted, and a file
// against the statement. docs/signing.md of the project has the format. It keeps to what Go 1.18 has.
package envelope

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/smx509"
)

const (
	ECDSA       = "ecdsa-p256-sha256"
	SM2         = "sm2-sm3"
	PayloadType = "application/vnd.in-toto+json"
	Statement   = "https://in-toto.io/Statement/v1"
)

// Key is one public key, and from when until when what it signs counts.
type Key struct {
	ID        string    `json:"keyid"` // SHA-256 of the SubjectPublicKeyInfo
	Algorithm string    `json:"algorithm"`
	Public    string    `json:"public"` // PEM
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

// Trust is which keys count, and by which algorithms a statement has to be signed.
type Trust struct {
	Schema int      `json:"schema"`
	Need   []string `json:"need"`
	Keys   []Key    `json:"keys"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

type signed struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"`
	Signatures  []signature `json:"signatures"`
}

// Subject is one thing that a statement is about.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type statement struct {
	Type      string    `json:"_type"`
	Subject   []Subject `json:"subject"`
	Predicate struct {
		RunDetails struct {
			Metadata struct {
				ExpiresOn time.Time `json:"runbook_expiresOn"`
			} `json:"metadata"`
		} `json:"runDetails"`
	} `json:"predicate"`
}

// Message is what is signed: DSSE's pre-authentication encoding.
func Message(payloadType string, payload []byte) []byte {
	head := fmt.Sprintf("DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload))
	return append([]byte(head), payload...)
}

// Open checks the envelope at a moment, and returns what its statement is about. Every algorithm that is needed has to
// have a signature that holds, by a key that counts then; what else is in the envelope decides nothing.
func Open(trustText, envelopeText []byte, at time.Time) ([]Subject, error) {
	var trust Trust
	if err := json.Unmarshal(trustText, &trust); err != nil {
		return nil, fmt.Errorf("the trusted keys cannot be read: %w", err)
	}
	if trust.Schema != 1 || len(trust.Need) == 0 {
		return nil, errors.New("the trusted keys are of another schema, or ask for no signature at all")
	}
	var outer signed
	if err := json.Unmarshal(envelopeText, &outer); err != nil {
		return nil, fmt.Errorf("no signature: the envelope cannot be read: %w", err)
	}
	payload, err := base64.StdEncoding.DecodeString(outer.Payload)
	if err != nil || outer.PayloadType != PayloadType {
		return nil, fmt.Errorf("no signature: the envelope holds %q instead of %q", outer.PayloadType, PayloadType)
	}
	message := Message(outer.PayloadType, payload)
	for _, algorithm := range trust.Need {
		if err := holds(trust, outer, algorithm, message, at); err != nil {
			return nil, err
		}
	}
	// Only now is the payload anybody's word.
	var told statement
	if err := json.Unmarshal(payload, &told); err != nil || told.Type != Statement {
		return nil, fmt.Errorf("what is signed is no in-toto statement, but %q", told.Type)
	}
	expires := told.Predicate.RunDetails.Metadata.ExpiresOn
	if !expires.After(at) {
		return nil, fmt.Errorf("the signature expired on %s, and now is %s", said(expires), said(at))
	}
	return told.Subject, nil
}

func holds(trust Trust, outer signed, algorithm string, message []byte, at time.Time) error {
	seen := []string{}
	for _, one := range outer.Signatures {
		seen = append(seen, short(one.KeyID))
		for _, key := range trust.Keys {
			if key.ID != one.KeyID || key.Algorithm != algorithm {
				continue
			}
			if at.Before(key.NotBefore) {
				return fmt.Errorf("the %s key %s is not valid before %s, and now is %s", algorithm, short(key.ID), said(key.NotBefore), said(at))
			}
			if !key.NotAfter.After(at) {
				return fmt.Errorf("the %s key %s expired on %s, and now is %s", algorithm, short(key.ID), said(key.NotAfter), said(at))
			}
			sig, err := base64.StdEncoding.DecodeString(one.Sig)
			if err != nil {
				return fmt.Errorf("the %s signature is not base64", algorithm)
			}
			good, err := verifies(key, message, sig)
			if err != nil {
				return err
			}
			if !good {
				return fmt.Errorf("the %s signature by key %s does not hold: the statement or the signature was changed", algorithm, short(key.ID))
			}
			return nil
		}
	}
	if len(seen) == 0 {
		return fmt.Errorf("no signature: the envelope has none")
	}
	return fmt.Errorf("no %s signature by a key that is trusted: it is signed by %v", algorithm, seen)
}

func verifies(key Key, message, sig []byte) (bool, error) {
	block, _ := pem.Decode([]byte(key.Public))
	if block == nil {
		return false, fmt.Errorf("the trusted key %s is no PEM", short(key.ID))
	}
	if sum := sha256.Sum256(block.Bytes); hex.EncodeToString(sum[:]) != key.ID {
		return false, fmt.Errorf("the trusted key %s is not the one that its id names", short(key.ID))
	}
	parsed, err := smx509.ParsePKIXPublicKey(block.Bytes)
	public, isEC := parsed.(*ecdsa.PublicKey)
	if err != nil || !isEC {
		return false, fmt.Errorf("the trusted key %s is none on an elliptic curve", short(key.ID))
	}
	switch {
	case key.Algorithm == ECDSA && public.Curve == elliptic.P256():
		digest := sha256.Sum256(message)
		return ecdsa.VerifyASN1(public, digest[:], sig), nil
	case key.Algorithm == SM2 && sm2.IsSM2PublicKey(public):
		return sm2.VerifyASN1WithSM2(public, nil, message, sig), nil
	}
	return false, fmt.Errorf("the trusted key %s is not of %s", short(key.ID), key.Algorithm)
}

// Match compares a file with the subject of that name: both its digests have to be those of the statement.
func Match(subjects []Subject, name string, file io.Reader) error {
	one, other := sha256.New(), sm3.New()
	if _, err := io.Copy(io.MultiWriter(one, other), file); err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	found := map[string]string{"sha256": hex.EncodeToString(one.Sum(nil)), "sm3": hex.EncodeToString(other.Sum(nil))}
	for _, subject := range subjects {
		if subject.Name != name {
			continue
		}
		for algorithm, digest := range found {
			if subject.Digest[algorithm] != digest {
				return fmt.Errorf("%s was changed after it was signed: its %s is %s, signed was %s", name, algorithm, short(digest), short(subject.Digest[algorithm]))
			}
		}
		return nil
	}
	return fmt.Errorf("the statement is not about %s", name)
}

// said is a moment as the errors have it; a host whose clock is wrong shows in what it takes for now.
func said(moment time.Time) string {
	return moment.UTC().Format(time.RFC3339)
}

func short(text string) string {
	if len(text) > 12 {
		return text[:12]
	}
	return text
}

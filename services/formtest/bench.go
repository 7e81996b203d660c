package formtest

import (
	"fmt"
	"net/http"
	"testing"

	"runbook.example/services/server"
)

// Bench times a form's own part of a request: routing, reading, answering, counting and the line in the log.
func Bench(b *testing.B, form server.Router) {
	store := &Memory{}
	handler := routes(form, store)
	for n := 0; n < 100; n++ {
		Ask(handler, "POST", "/users", fmt.Sprintf(`{"id":"u%02d","name":"Ay","email":"ay@example.com"}`, n))
	}
	for _, c := range []struct{ name, path string }{
		{"ping", "/ping"}, {"read", "/users/u42"}, {"list", "/users?limit=100"},
	} {
		path := c.path
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; n < b.N; n++ {
				if answer := Ask(handler, "GET", path, ""); answer.Code != http.StatusOK {
					b.Fatal(answer.Code)
				}
			}
		})
	}
	b.Run("create and delete", func(b *testing.B) {
		b.ReportAllocs()
		for n := 0; n < b.N; n++ {
			Ask(handler, "POST", "/users", `{"id":"new","name":"Ay"}`)
			if answer := Ask(handler, "DELETE", "/users/new", ""); answer.Code != http.StatusNoContent {
				b.Fatal(answer.Code)
			}
			store.history = store.history[:0]
		}
	})
}

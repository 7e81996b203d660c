// Package probe is compiled and never run: its assembly shows where Go puts arguments, a result, the running goroutine
// and a closure's context. Each argument is stored by a line of its own, two words from the next, so that no two of
// them become one store.
package probe

// Ints and Reals are where the arguments go.
var (
	Ints  [40]int
	Reals [40]float64
)

// Integers has more arguments than any port of Go has registers for.
//
//go:noinline
func Integers(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19 int) {
	Ints[0] = a0
	Ints[2] = a1
	Ints[4] = a2
	Ints[6] = a3
	Ints[8] = a4
	Ints[10] = a5
	Ints[12] = a6
	Ints[14] = a7
	Ints[16] = a8
	Ints[18] = a9
	Ints[20] = a10
	Ints[22] = a11
	Ints[24] = a12
	Ints[26] = a13
	Ints[28] = a14
	Ints[30] = a15
	Ints[32] = a16
	Ints[34] = a17
	Ints[36] = a18
	Ints[38] = a19
}

// Floats likewise.
//
//go:noinline
func Floats(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19 float64) {
	Reals[0] = a0
	Reals[2] = a1
	Reals[4] = a2
	Reals[6] = a3
	Reals[8] = a4
	Reals[10] = a5
	Reals[12] = a6
	Reals[14] = a7
	Reals[16] = a8
	Reals[18] = a9
	Reals[20] = a10
	Reals[22] = a11
	Reals[24] = a12
	Reals[26] = a13
	Reals[28] = a14
	Reals[30] = a15
	Reals[32] = a16
	Reals[34] = a17
	Reals[36] = a18
	Reals[38] = a19
}

// Result loads what it returns, and does nothing else.
//
//go:noinline
func Result(from *int) int {
	return *from
}

// Closure needs room on the stack, so it looks at the goroutine's limit first; what it returns finds n by the register
// of its context.
func Closure(n int) func() int {
	return func() int {
		return n
	}
}

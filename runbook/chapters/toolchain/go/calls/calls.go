// Package calls is compiled for its listing: where Go's compiler finds arguments that it has to put down over a call.
package calls

// Room makes a frame so large that the function has to look at its goroutine, and at the end of its stack.
type Room [512]byte

//go:noinline
func touch(room *Room) {}

// Integers has more arguments than any convention has registers.
//
//go:noinline
func Integers(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20 int) int {
	var room Room
	touch(&room)
	return a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11 + a12 + a13 + a14 + a15 + a16 + a17 + a18 + a19 + a20 +
		int(room[0])
}

// Reals is the same with floating-point numbers.
//
//go:noinline
func Reals(a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20 float64) float64 {
	var room Room
	touch(&room)
	return a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11 + a12 + a13 + a14 + a15 + a16 + a17 + a18 + a19 + a20 +
		float64(room[0])
}

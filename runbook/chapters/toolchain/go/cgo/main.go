// It calls C, C calls it back, and both agree on a struct: what a wrong C compiler, header or library breaks first.
package main

/*
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct { int32_t small; double real; int64_t large; } mixed;

static mixed twice(mixed m) { m.small *= 2; m.real *= 2; m.large *= 2; return m; }

extern int compare(void *, void *);
static int by_go(const void *a, const void *b) { return compare((void *)a, (void *)b); }
static void sort(int64_t *numbers, size_t count) { qsort(numbers, count, sizeof *numbers, by_go); }

static size_t library(char *name, size_t size) { return confstr(_CS_GNU_LIBC_VERSION, name, size); }
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"
)

//export compare
func compare(a, b unsafe.Pointer) C.int {
	x, y := *(*C.int64_t)(a), *(*C.int64_t)(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func main() {
	m := C.twice(C.mixed{small: -3, real: 0.25, large: 1 << 40})
	numbers := []C.int64_t{5, -7, 1 << 40, 0}
	C.sort(&numbers[0], C.size_t(len(numbers)))
	if m.small != -6 || m.real != 0.5 || m.large != 1<<41 || fmt.Sprint(numbers) != "[-7 0 5 1099511627776]" {
		fmt.Fprintln(os.Stderr, "Go and C disagree:", m, numbers)
		os.Exit(1)
	}
	name := make([]C.char, 64)
	C.library(&name[0], 64)
	fmt.Printf("cgo linux/%s %s\n", runtime.GOARCH, C.GoString(&name[0]))
}

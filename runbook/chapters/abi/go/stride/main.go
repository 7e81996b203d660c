// Command stride measures the length of the first data cache's line: a chain of loads goes from block to block in random
// order, and visits a second word at a distance in each. The blocks are many and lie far apart, so that each one's first
// load misses the first cache and hits the second; as long as both words lie in one line, the second load costs little.
package main

import (
	"fmt"
	"math/rand"
	"sort"
	"time"
)

const (
	word     = 8    // bytes
	block    = 1024 // bytes: blocks share a few sets of a cache, which have not room for all of them
	blocks   = 256
	farthest = block / 2
	loops    = 20 // timed together, a tenth of a millisecond: most are not interrupted
	rounds   = 2000
)

func main() {
	room := make([]uint64, blocks*block/word)
	order := rand.New(rand.NewSource(1)).Perm(blocks)
	var at uint64
	for distance := word; distance <= farthest; distance *= 2 {
		chain(room, order, uint64(distance/word))
		at = uint64(order[0]) * (block / word)
		times := make([]int, rounds)
		for n := range times {
			began := time.Now()
			for loop := 0; loop < loops; loop++ {
				at = follow(room, at)
			}
			times[n] = int(time.Since(began))
		}
		// The quickest quarter's middle: what was interrupted is slower, and a few are quick by chance.
		sort.Ints(times)
		fmt.Printf("stride %d %.3f\n", distance, float64(times[rounds/8])/(loops*blocks))
	}
	if at != uint64(order[0])*(block/word) {
		fmt.Println("the chain did not come back to its start")
	}
}

// chain makes each block's first word name the word at the distance, and that the next block's first.
func chain(room []uint64, order []int, distance uint64) {
	for n, this := range order {
		first := uint64(this) * (block / word)
		room[first] = first + distance
		room[first+distance] = uint64(order[(n+1)%blocks]) * (block / word)
	}
}

// follow goes once around.
func follow(room []uint64, at uint64) uint64 {
	for n := 0; n < 2*blocks; n++ {
		at = room[at]
	}
	return at
}

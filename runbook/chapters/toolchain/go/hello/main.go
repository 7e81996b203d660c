// Command hello says for what and by which Go it was compiled.
package main

import (
	"fmt"
	"runtime"
)

func main() {
	fmt.Println(runtime.GOOS+"/"+runtime.GOARCH, runtime.Version())
}

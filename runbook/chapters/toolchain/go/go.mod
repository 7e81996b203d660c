module hello

go 1.16

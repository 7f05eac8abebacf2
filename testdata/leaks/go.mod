module example.com/leaks

// The oldest Go that the programs are built with. make.sh puts the Go at hand in
// its place, for the runtime keeps old ways of timers for old modules.
go 1.21

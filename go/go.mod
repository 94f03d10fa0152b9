module mirin.dev/go

go 1.24

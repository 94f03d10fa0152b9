package mirin

// Living is the number of C objects.
func Living() int64 { return living.Load() }

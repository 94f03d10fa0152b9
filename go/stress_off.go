//go:build !gcstress

package mirin

// stress runs the garbage collector when the build tag gcstress is set: whatever is not kept alive is freed at once, and the
// tests find it.
func stress() {}

//go:build gcstress

package mirin

import "runtime"

func stress() { runtime.GC() }

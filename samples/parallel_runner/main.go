// Goroutines share one pool: each classifies its part of the digits and counts the right answers.
//
//	parallel_runner_go [DIRECTORY [MODEL]]   DIRECTORY holds digits.bin; the default is the data of this sample and quick_start's
//	model
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	mirin "mirin.dev/go"
)

const (
	side    = 8
	record  = 1 + side*side // of digits.bin: a label and the pixels
	threads = 4
	workers = 2
)

type count struct {
	seen, right int
	err         error
}

// classify takes every threads-th image from the first on.
func classify(pool *mirin.Pool, images []byte, first int) (c count) {
	for at := first * record; at+record <= len(images); at += threads * record {
		label, pixels := images[at], make([]float32, side*side)
		for i, grey := range images[at+1 : at+record] {
			pixels[i] = float32(grey) / 255
		}
		image, err := mirin.NewTensor([]int{1, 1, side, side}, pixels)
		if err != nil {
			return count{err: err}
		}
		outputs, err := pool.Run(context.Background(), image)
		if err != nil {
			return count{err: err}
		}
		logits, err := mirin.Data[float32](outputs[0])
		if err != nil {
			return count{err: err}
		}
		c.seen++
		if slices.Index(logits, slices.Max(logits)) == int(label) {
			c.right++
		}
	}
	return c
}

func run(directory, file string) error {
	images, err := os.ReadFile(filepath.Join(directory, "digits.bin"))
	if err != nil {
		return err
	}
	model, err := mirin.Load(file)
	if err != nil {
		return err
	}
	defer model.Close()
	// [START pool]
	// Runs that find both workers busy wait in the queue.
	pool, err := model.NewPool(&mirin.PoolOptions{Workers: workers, Session: &mirin.SessionOptions{Threads: 1}})
	if err != nil {
		return err
	}
	defer pool.Close()

	var counts [threads]count
	var goroutines sync.WaitGroup
	for i := range counts {
		goroutines.Add(1)
		go func() {
			defer goroutines.Done()
			counts[i] = classify(pool, images, i)
		}()
	}
	goroutines.Wait()
	// [END pool]

	var total count
	for i, c := range counts {
		fmt.Printf("thread %d: %d of %d right\n", i, c.right, c.seen)
		total = count{total.seen + c.seen, total.right + c.right, errors.Join(total.err, c.err)}
	}
	fmt.Printf("%d threads, %d workers: %d of %d right\n", threads, pool.Workers(), total.right, total.seen)
	return total.err
}

func main() {
	directory, model := "samples/parallel_runner/data", "samples/quick_start/data/digits.mindir"
	if len(os.Args) > 1 {
		directory = os.Args[1]
	}
	if len(os.Args) > 2 {
		model = os.Args[2]
	}
	if err := run(directory, model); err != nil {
		fmt.Fprintln(os.Stderr, "parallel_runner:", err)
		os.Exit(1)
	}
}

// Reads film reviews, sentences of any length, with a MindIR model of token ids.
//
//	text_go [DIRECTORY]   DIRECTORY holds reviews.mindir, vocabulary.txt and reviews.txt (default: the data of this sample)
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	mirin "mirin.dev/go"
)

func judge(session *mirin.Session, vocabulary []string, line string) error {
	words := strings.Fields(line)
	ids := make([]int64, len(words))
	for i, word := range words {
		ids[i] = int64(max(0, slices.Index(vocabulary, word))) // 0 stands for unknown words
	}
	// [START run]
	// The ids are read where they are; each run may have another length.
	input, err := mirin.NewTensor([]int{1, len(ids)}, ids)
	if err != nil {
		return err
	}
	outputs, err := session.Run(context.Background(), input)
	if err != nil {
		return err
	}
	probabilities, err := mirin.Data[float32](outputs[0])
	if err != nil {
		return err
	}
	weights, err := mirin.Data[float32](outputs[1])
	if err != nil {
		return err
	}
	// [END run]
	verdict, probability := "negative", probabilities[0]
	if probabilities[1] > probabilities[0] {
		verdict, probability = "positive", probabilities[1]
	}
	heaviest := slices.Index(weights, slices.Max(weights))
	shape := outputs[1].Shape()
	fmt.Printf("[1, %d] -> [%d, %d]  %s %.2f  %s %.2f\n", len(ids), shape[0], shape[1], verdict, probability, words[heaviest],
		weights[heaviest])
	return nil
}

func run(directory string) error {
	vocabulary, err := os.ReadFile(filepath.Join(directory, "vocabulary.txt"))
	if err != nil {
		return err
	}
	reviews, err := os.ReadFile(filepath.Join(directory, "reviews.txt"))
	if err != nil {
		return err
	}
	model, err := mirin.Load(filepath.Join(directory, "reviews.mindir"))
	if err != nil {
		return err
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		return err
	}
	defer session.Close()
	for _, line := range strings.Split(strings.TrimSpace(string(reviews)), "\n") {
		if err := judge(session, strings.Fields(string(vocabulary)), line); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	directory := "samples/text/data"
	if len(os.Args) > 1 {
		directory = os.Args[1]
	}
	if err := run(directory); err != nil {
		fmt.Fprintln(os.Stderr, "text:", err)
		os.Exit(1)
	}
}

// Runs an encrypted MindIR model; the key comes from a file.
//
//	encrypted_go [DIRECTORY]   DIRECTORY holds digits_encrypted.mindir, key.txt and digits.bin (default: the data of this sample)
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	mirin "mirin.dev/go"
)

const (
	side   = 8
	record = 1 + side*side // of digits.bin: a label and the pixels
)

// readKey reads the key's bytes, which are hexadecimal digits in the file.
func readKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(strings.TrimSpace(string(text)))
}

// showRefusal tells that a model without its key is of no use.
func showRefusal(file, what string, code mirin.Code, options ...mirin.Option) error {
	_, err := mirin.Load(file, options...)
	if !errors.Is(err, code) {
		return fmt.Errorf("%s: expected %v, got %w", what, code, err)
	}
	fmt.Printf("%s: refused\n", what)
	return nil
}

func read(session *mirin.Session, image []byte) error {
	pixels := make([]float32, side*side)
	for i, grey := range image[1:] {
		pixels[i] = float32(grey) / 255
	}
	input, err := mirin.NewTensor([]int{1, 1, side, side}, pixels)
	if err != nil {
		return err
	}
	outputs, err := session.Run(context.Background(), input)
	if err != nil {
		return err
	}
	logits, err := mirin.Data[float32](outputs[0])
	if err != nil {
		return err
	}
	fmt.Printf("%d read as %d\n", image[0], slices.Index(logits, slices.Max(logits)))
	return nil
}

func run(directory string) error {
	file := filepath.Join(directory, "digits_encrypted.mindir")
	key, err := readKey(filepath.Join(directory, "key.txt"))
	if err != nil {
		return err
	}
	another := bytes.Clone(key)
	another[0] ^= 1
	if err := showRefusal(file, "without a key", mirin.FailedPrecondition); err != nil {
		return err
	}
	if err := showRefusal(file, "with another key", mirin.PermissionDenied, mirin.WithKey(another)); err != nil {
		return err
	}

	// [START load]
	model, err := mirin.Load(file, mirin.WithKey(key), mirin.WithCipher(mirin.CipherAESGCM))
	if err != nil {
		return err
	}
	defer model.Close()
	// [END load]
	session, err := model.NewSession(nil)
	if err != nil {
		return err
	}
	defer session.Close()
	images, err := os.ReadFile(filepath.Join(directory, "digits.bin"))
	if err != nil {
		return err
	}
	for image := range slices.Chunk(images, record) {
		if err := read(session, image); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	directory := "samples/encrypted/data"
	if len(os.Args) > 1 {
		directory = os.Args[1]
	}
	if err := run(directory); err != nil {
		fmt.Fprintln(os.Stderr, "encrypted:", err)
		os.Exit(1)
	}
}

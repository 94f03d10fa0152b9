// runner LIST OUT: runs the pairs of languages_test.py through the Go module.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	mirin "mirin.dev/go"
)

// readInput reads dtype:dims:file.
func readInput(field string) (*mirin.Tensor, error) {
	parts := strings.SplitN(field, ":", 3)
	dtype, err := mirin.ParseDType(parts[0])
	if err != nil {
		return nil, err
	}
	var shape []int
	for _, size := range strings.FieldsFunc(parts[1], func(r rune) bool { return r == ',' }) {
		n, err := strconv.Atoi(size)
		if err != nil {
			return nil, err
		}
		shape = append(shape, n)
	}
	data, err := os.ReadFile(parts[2])
	if err != nil {
		return nil, err
	}
	return mirin.FromBytes(dtype, shape, data)
}

func run(fields []string) ([]*mirin.Tensor, error) {
	var options []mirin.Option
	if fields[2] != "-" {
		key, err := hex.DecodeString(fields[2])
		if err != nil {
			return nil, err
		}
		options = append(options, mirin.WithKey(key))
	}
	model, err := mirin.Load(fields[1], options...)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var inputs []*mirin.Tensor
	for _, field := range fields[3:] {
		input, err := readInput(field)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, input)
	}
	return session.Run(context.Background(), inputs...)
}

// write writes a line an output, or the code of the error; an error that has none ends the program.
func write(out io.Writer, name string, outputs []*mirin.Tensor, err error) error {
	if err != nil {
		var e *mirin.Error
		if !errors.As(err, &e) {
			return err
		}
		_, err := fmt.Fprintf(out, "%s\terror\t%v\n", name, e.Code)
		return err
	}
	for i, t := range outputs {
		dims := strings.Trim(strings.ReplaceAll(fmt.Sprint(t.Shape()), " ", ","), "[]")
		if _, err := fmt.Fprintf(out, "%s\t%d\t%v\t%s\t%x\n", name, i, t.DType(), dims, sha256.Sum256(t.Bytes())); err != nil {
			return err
		}
	}
	return nil
}

func runAll(list, out string) error {
	in, err := os.Open(list)
	if err != nil {
		return err
	}
	defer in.Close()
	result, err := os.Create(out)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		outputs, err := run(fields)
		if err := write(result, fields[0], outputs, err); err != nil {
			return err
		}
	}
	return errors.Join(lines.Err(), result.Close())
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: runner LIST OUT")
		os.Exit(1)
	}
	if err := runAll(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "runner:", err)
		os.Exit(1)
	}
}

// A model of 16-bit floats: the program has float32 values, converts them, and converts the results back.
//
//	custom_dtype_go [MODEL]   default: double.mindir of this sample, which doubles a float16 and a bfloat16 vector
package main

import (
	"context"
	"fmt"
	"os"

	mirin "mirin.dev/go"
)

var values = []float32{0.1, 1.0 / 3.0, -2.71828, 0.0001, 1000.1, 12345.678}

// inputs are the values as float16 and as bfloat16.
func inputs() (half, brain *mirin.Tensor, err error) {
	halves, err := mirin.ToFloat16(values)
	if err != nil {
		return nil, nil, err
	}
	if half, err = mirin.NewTensor([]int{len(halves)}, halves); err != nil {
		return nil, nil, err
	}
	brains, err := mirin.ToBFloat16(values)
	if err != nil {
		return nil, nil, err
	}
	brain, err = mirin.NewTensor([]int{len(brains)}, brains)
	return half, brain, err
}

func run(file string) error {
	model, err := mirin.Load(file)
	if err != nil {
		return err
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		return err
	}
	defer session.Close()
	half, brain, err := inputs()
	if err != nil {
		return err
	}
	outputs, err := session.Run(context.Background(), half, brain)
	if err != nil {
		return err
	}

	// Data gives what the tensor has: its type tells which conversion it needs.
	halves, err := mirin.Data[mirin.Float16](outputs[0])
	if err != nil {
		return err
	}
	brains, err := mirin.Data[mirin.BFloat16](outputs[1])
	if err != nil {
		return err
	}
	fromHalf, err := mirin.FromFloat16(halves)
	if err != nil {
		return err
	}
	fromBrain, err := mirin.FromBFloat16(brains)
	if err != nil {
		return err
	}
	for i, value := range values {
		fmt.Printf("2 x %.6f: float16 %.6f, bfloat16 %.6f\n", value, fromHalf[i], fromBrain[i])
	}
	return nil
}

func main() {
	model := "samples/custom_dtype/data/double.mindir"
	if len(os.Args) > 1 {
		model = os.Args[1]
	}
	if err := run(model); err != nil {
		fmt.Fprintln(os.Stderr, "custom_dtype:", err)
		os.Exit(1)
	}
}

// Classifies PNG images of handwritten digits with a MindIR model.
//
//	quick_start_go [DIRECTORY]   DIRECTORY holds digits.mindir and images/ (default: the data of this sample)
package main

import (
	"context"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"

	mirin "mirin.dev/go"
)

const side = 8

// readImage reads an 8 x 8 image as grey values in 0..1.
func readImage(path string) (*mirin.Tensor, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	image, err := png.Decode(file)
	if err != nil {
		return nil, err
	}
	bounds := image.Bounds()
	if bounds.Dx() != side || bounds.Dy() != side {
		return nil, fmt.Errorf("%s is no %d x %d image", path, side, side)
	}
	var pixels []float32
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			grey := color.GrayModel.Convert(image.At(x, y)).(color.Gray)
			pixels = append(pixels, float32(grey.Y)/255)
		}
	}
	return mirin.NewTensor([]int{1, 1, side, side}, pixels)
}

func classify(session *mirin.Session, path string) error {
	image, err := readImage(path)
	if err != nil {
		return err
	}
	outputs, err := session.Run(context.Background(), image)
	if err != nil {
		return err
	}
	logits, err := mirin.Data[float32](outputs[0])
	if err != nil {
		return err
	}
	largest := slices.Max(logits)
	sum := 0.0
	for _, logit := range logits {
		sum += math.Exp(float64(logit - largest))
	}
	fmt.Printf("%s  %d  %.2f\n", filepath.Base(path), slices.Index(logits, largest), 1/sum)
	return nil
}

func run(directory string) error {
	model, err := mirin.Load(filepath.Join(directory, "digits.mindir"))
	if err != nil {
		return err
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		return err
	}
	defer session.Close()
	images, err := filepath.Glob(filepath.Join(directory, "images", "*.png"))
	if err != nil {
		return err
	}
	for _, image := range images {
		if err := classify(session, image); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	directory := "samples/quick_start/data"
	if len(os.Args) > 1 {
		directory = os.Args[1]
	}
	if err := run(directory); err != nil {
		fmt.Fprintln(os.Stderr, "quick_start:", err)
		os.Exit(1)
	}
}

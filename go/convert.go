package mirin

import (
	"context"

	"mirin.dev/go/internal/capi"
)

// ConvertOptions say what to convert.
type ConvertOptions struct {
	Framework  string            // of the model: "ONNX", "MINDIR", ..
	ModelFile  string            // the model
	OutputFile string            // where the MindIR goes; "" keeps it in memory
	Flags      map[string]string // further flags of converter_lite, by their names without dashes
	CheckOnly  bool              // only find what a conversion would find
}

// A Conversion is what came of Convert.
type Conversion struct {
	OutputFile string // the file to load; "" when none was written
	Model      []byte // the model, when there was no OutputFile
	Report     Report
}

// A Report tells what a conversion found.
type Report struct {
	Text, JSON, HTML string
}

// Convert makes MindIR of another framework's model. The first error is returned; where the conversion was begun, the Conversion is
// there too, and its report has all errors. A conversion cannot be interrupted: when ctx ends, Convert returns at once, and the
// conversion ends in the background; it may still write its file.
//
// Errors: InvalidArgument (also unknown flags), NotFound, PermissionDenied, DataLoss, Unimplemented (with the node),
// ResourceExhausted, Cancelled, DeadlineExceeded; Unavailable when the converter is missing.
func Convert(ctx context.Context, options ConvertOptions) (*Conversion, error) {
	if ctx.Err() != nil {
		return nil, contextError(ctx, "the context ended before the conversion")
	}
	if err := capi.OpenConverter(); err != nil {
		return nil, &Error{Code: Unavailable, Message: err.Error()}
	}
	converter, err := newConverter(&options)
	if err != nil {
		return nil, err
	}
	type result struct {
		conversion *Conversion
		err        error
	}
	done := make(chan result, 1)
	go func() {
		defer living.Add(-1)
		defer converter.Destroy()
		c, err := convert(converter, options.CheckOnly)
		done <- result{c, err}
	}()
	select {
	case r := <-done:
		return r.conversion, r.err
	case <-ctx.Done():
		return nil, contextError(ctx, "the context ended during the conversion")
	}
}

func newConverter(options *ConvertOptions) (capi.Converter, error) {
	converter, status := capi.NewConverter()
	if err := check(status); err != nil {
		return capi.Converter{}, err
	}
	living.Add(1)
	flags := map[string]string{}
	for name, value := range options.Flags {
		flags[name] = value
	}
	for name, value := range map[string]string{"fmk": options.Framework, "modelFile": options.ModelFile, "outputFile": options.OutputFile} {
		if value != "" {
			flags[name] = value
		}
	}
	for name, value := range flags {
		err := checkTexts("flag", name, value)
		if err == nil {
			err = check(converter.Set(name, value))
		}
		if err != nil {
			converter.Destroy()
			living.Add(-1)
			return capi.Converter{}, err
		}
	}
	return converter, nil
}

func convert(converter capi.Converter, checkOnly bool) (*Conversion, error) {
	call := capi.Converter.Run
	if checkOnly {
		call = capi.Converter.Check
	}
	err := check(call(converter))
	return &Conversion{
		OutputFile: converter.OutputFile(),
		Model:      converter.Model(),
		Report:     Report{converter.Report(0), converter.Report(1), converter.Report(2)},
	}, err
}

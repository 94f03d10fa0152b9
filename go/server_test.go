package mirin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mirin "mirin.dev/go"
)

// servables is a servable directory without Python: "add" in versions 1 and 2, and "empty".
func servables(t *testing.T) string {
	t.Helper()
	model, err := os.ReadFile(modelFile("tensor_add"))
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	for _, folder := range []string{"add/1", "add/2", "empty/1"} {
		if err := os.MkdirAll(filepath.Join(directory, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, version := range []string{"1", "2"} {
		if err := os.WriteFile(filepath.Join(directory, "add", version, "tensor_add.mindir"), model, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func newServer(t *testing.T, options map[string]string) *mirin.Server {
	t.Helper()
	server, err := mirin.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return server
}

// post sends a sum to a model and gives the status code and the answer's data and version.
func post(t *testing.T, port int, model string) (code int, data []float32, version string) {
	t.Helper()
	body := `{"inputs": [
		{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]},
		{"name": "y", "shape": [2, 2], "datatype": "FP32", "data": [5, 6, 7, 8]}]}`
	client := http.Client{Timeout: time.Minute}
	response, err := client.Post(fmt.Sprintf("http://127.0.0.1:%d/v2/models/%s/infer", port, model), "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Version string `json:"model_version"`
		Outputs []struct{ Data []float32 }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, output := range answer.Outputs {
		data = append(data, output.Data...)
	}
	return response.StatusCode, data, answer.Version
}

func TestServerServes(t *testing.T) {
	directory := servables(t)
	server := newServer(t, map[string]string{"max_queue": "100"})
	add := mirin.Servable{Directory: directory, Name: "add"}
	first := add
	first.Version, first.DeviceType = 1, "cpu"
	if err := server.Add(add, first); err != nil {
		t.Fatal(err)
	}
	port, err := server.ListenHTTP("127.0.0.1:0", nil)
	if err != nil || port == 0 {
		t.Fatal(port, err)
	}
	code, data, version := post(t, port, "add/versions/1")
	if code != 200 || fmt.Sprint(data) != "[6 8 10 12]" || version != "1" {
		t.Error(code, data, version)
	}

	grpc, err := server.ListenGRPC("127.0.0.1:0", &mirin.ListenOptions{MaxMessageBytes: 1 << 20})
	if err != nil || grpc == 0 || grpc == port {
		t.Error(grpc, err)
	}
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", grpc))
	if err != nil {
		t.Fatal(err)
	}
	connection.Close()
	socket := filepath.Join(directory, "http.sock")
	if zero, err := server.ListenHTTP("unix:"+socket, nil); zero != 0 || err != nil {
		t.Error(zero, err)
	}
	if _, err := os.Stat(socket); err != nil {
		t.Error(err)
	}

	states, err := server.Status()
	if err != nil || len(states) != 2 || states[1].Name != "add" || states[1].Version != 2 || states[1].State != "READY" ||
		len(states[1].Methods) != 1 {
		t.Error(states, err)
	}
	metrics, err := server.Metrics()
	if err != nil || !strings.Contains(metrics, "mirin_requests_total{") {
		t.Error(metrics, err)
	}

	if err := server.Remove("add", 1); err != nil {
		t.Error(err)
	}
	if code, _, _ := post(t, port, "add/versions/1"); code != 404 {
		t.Error(code)
	}
	if code, _, version := post(t, port, "add"); code != 200 || version != "2" {
		t.Error(code, version)
	}
	if err := server.Stop(10 * time.Second); err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
		t.Error("it still listens")
	}
}

func TestServerTellsWhatIsWrong(t *testing.T) {
	for _, options := range []map[string]string{{"no_such_option": "1"}, {"max_queue": "many"}, {"max_queue": "1\x00"}} {
		_, err := mirin.NewServer(options)
		expectCode(t, err, mirin.InvalidArgument)
	}
	directory := servables(t)
	server := newServer(t, nil)
	add := mirin.Servable{Directory: directory, Name: "add"}
	for _, c := range []struct {
		servable mirin.Servable
		code     mirin.Code
	}{
		{mirin.Servable{Directory: directory, Name: "missing"}, mirin.NotFound},
		{mirin.Servable{Directory: directory, Name: "add", Version: 3}, mirin.NotFound},
		{mirin.Servable{Directory: directory, Name: "add\x00"}, mirin.InvalidArgument},
		{mirin.Servable{Directory: directory, Name: "add", Workers: -1}, mirin.InvalidArgument},
		{mirin.Servable{Directory: directory, Name: "add", Key: make([]byte, 5)}, mirin.InvalidArgument},
	} {
		expectCode(t, server.Add(add, c.servable), c.code)
	}
	if err := server.Add(mirin.Servable{Directory: directory, Name: "empty"}); err == nil {
		t.Error("a version without a model was added")
	}
	states, err := server.Status()
	if err != nil || len(states) == 0 {
		t.Error(states, err)
	}
	for _, state := range states {
		if state.State != "UNAVAILABLE" || state.Reason == "" {
			t.Errorf("some of what was refused is served: %+v", state)
		}
	}
	expectCode(t, server.Remove("missing", 0), mirin.NotFound)

	broken := &mirin.ListenOptions{Certificate: "no certificate", PrivateKey: "no key"}
	for _, listen := range []func(string, *mirin.ListenOptions) (int, error){server.ListenGRPC, server.ListenHTTP} {
		for address, options := range map[string]*mirin.ListenOptions{
			"": nil, "nowhere": nil, "127.0.0.1:\x00": nil, "127.0.0.1:0": broken, "localhost:0": {MaxMessageBytes: -1},
		} {
			_, err := listen(address, options)
			expectCode(t, err, mirin.InvalidArgument)
		}
	}
	port, err := server.ListenHTTP("127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = server.ListenHTTP(fmt.Sprintf("127.0.0.1:%d", port), nil)
	expectCode(t, err, mirin.Unavailable)
}

func TestServerEnds(t *testing.T) {
	server := newServer(t, nil)
	add := mirin.Servable{Directory: servables(t), Name: "add"}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	err := server.Wait(ended)
	expectCode(t, err, mirin.Cancelled)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := server.Add(add); err != nil {
		t.Error("the server has ended with a wait:", err)
	}
	waits := make(chan error)
	go func() { waits <- server.Wait(ctx) }()
	for range 2 {
		if err := server.Stop(0); err != nil {
			t.Error(err)
		}
	}
	if err := <-waits; err != nil {
		t.Error(err)
	}
	expectCode(t, server.Add(add), mirin.Cancelled)

	closed := newServer(t, nil)
	go func() { waits <- closed.Wait(ctx) }()
	for range 2 {
		if err := closed.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(<-waits, closed.Wait(ctx)); err != nil {
		t.Error(err)
	}
	for name, use := range map[string]func() error{
		"Add":        func() error { return closed.Add(add) },
		"Remove":     func() error { return closed.Remove("add", 0) },
		"ListenGRPC": func() error { _, err := closed.ListenGRPC("127.0.0.1:0", nil); return err },
		"ListenHTTP": func() error { _, err := closed.ListenHTTP("127.0.0.1:0", nil); return err },
		"Status":     func() error { _, err := closed.Status(); return err },
		"Metrics":    func() error { _, err := closed.Metrics(); return err },
		"Stop":       func() error { return closed.Stop(0) },
	} {
		if err := use(); !errors.Is(err, mirin.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServersThatAreDroppedEnd(t *testing.T) {
	server, err := mirin.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.ListenHTTP("127.0.0.1:0", nil); err != nil {
		t.Fatal(err)
	}
	// TestMain waits until it is gone
}

package mirin_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	mirin "mirin.dev/go"
)

// TestLibraryChild is what findLibrary runs in processes of their own.
func TestLibraryChild(t *testing.T) {
	if os.Getenv("MIRIN_TEST_CHILD") == "" {
		t.Skip("runs in the processes of TestLibraryIsFound only")
	}
	if path := os.Getenv("MIRIN_TEST_SET_PATH"); path != "" {
		if err := mirin.SetLibraryPath(path); err != nil {
			t.Fatal(err)
		}
	}
	path, err := mirin.LibraryPath()
	if err != nil {
		expectCode(t, err, mirin.Unavailable)
		_, again := mirin.Load("tensor_add.mindir")
		expectCode(t, again, mirin.Unavailable)
	} else if _, err := mirin.Load(modelFile("tensor_add")); err != nil {
		t.Error(err)
	}
	if os.Getenv("MIRIN_TEST_CONVERT") != "" {
		_, err = mirin.Convert(ctx, mirin.ConvertOptions{})
		expectCode(t, err, mirin.Unavailable)
	}
	if os.Getenv("MIRIN_TEST_SERVE") != "" {
		_, err = mirin.NewServer(nil)
		expectCode(t, err, mirin.Unavailable)
	}
	fmt.Printf("found %q %v end\n", path, err)
}

// findLibrary runs TestLibraryChild from executable with only these variables.
func findLibrary(t *testing.T, executable string, environment ...string) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(executable, "-test.run=^TestLibraryChild$")
	child.Env = append(environment, "MIRIN_TEST_CHILD=1", "MIRIN_TEST_MODELS="+folder)
	output, err := child.CombinedOutput()
	_, text, ok := strings.Cut(string(output), "found ")
	if err != nil || !ok {
		t.Fatalf("%v\n%s", err, output)
	}
	text, _, _ = strings.Cut(text, " end\n")
	return text
}

func TestLibraryIsFound(t *testing.T) {
	library, err := mirin.LibraryPath()
	if err != nil {
		t.Fatal(err)
	}
	libraries := filepath.Dir(library)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	copyOf := func(at string) string {
		program, err := os.ReadFile(own)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, program, 0o755); err != nil {
			t.Fatal(err)
		}
		return at
	}
	executable := copyOf(filepath.Join(folder, "program"))
	text := filepath.Join(folder, "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	good := fmt.Sprintf("%q <nil>", library)

	for name, environment := range map[string][]string{
		"option, a file":         {"MIRIN_TEST_SET_PATH=" + library, "MIRIN_LIBRARY_PATH=/none"},
		"option, a folder":       {"MIRIN_TEST_SET_PATH=" + libraries},
		"environment, a file":    {"MIRIN_LIBRARY_PATH=" + library},
		"environment, a folder":  {"MIRIN_LIBRARY_PATH=" + libraries},
		"the loader's variable":  {"LD_LIBRARY_PATH=" + libraries},
		"the loader's, a second": {"LD_LIBRARY_PATH=/none:" + libraries},
	} {
		if got := findLibrary(t, executable, environment...); got != good {
			t.Errorf("%s: %s", name, got)
		}
	}

	for _, c := range []struct {
		name, environment string
		want              []string
	}{
		{"an option that is wrong", "MIRIN_TEST_SET_PATH=/none/libmirin.so.1", []string{"\n  /none/libmirin.so.1: ", "cannot open"}},
		{"a folder without it", "MIRIN_LIBRARY_PATH=" + folder, []string{"\n  " + folder + "/libmirin.so.1: ", "cannot open"}},
		{"a relative path", "MIRIN_LIBRARY_PATH=none.so", []string{"\n  ./none.so: "}},
		{"no library at all", "MIRIN_LIBRARY_PATH=" + text, []string{"\n  " + text + ": "}},
		{"another library", "MIRIN_LIBRARY_PATH=" + libraries + "/libtbb.so.12", []string{"it is no Mirin library"}},
		{"nothing", "LD_LIBRARY_PATH=/none", []string{"\n  " + folder + "/libmirin.so.1: ", "\n  " + folder + "/lib/libmirin.so.1: ",
			"\n  the system's loader, in /none:", "\n  /usr/local/lib/libmirin.so.1: ", "\n  /opt/mirin/lib/libmirin.so.1: ",
			"MIRIN_LIBRARY_PATH", "SetLibraryPath"}},
	} {
		got := findLibrary(t, executable, c.environment)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s\n does not tell of %q", c.name, got, want)
			}
		}
	}

	for _, place := range []string{"beside", "above/lib"} {
		place := filepath.Join(folder, place)
		if err := os.MkdirAll(place, 0o755); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(libraries + "/lib*.so*")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := os.Symlink(file, filepath.Join(place, filepath.Base(file))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, at := range []string{"beside/program", "above/program"} {
		if got := findLibrary(t, copyOf(filepath.Join(folder, at)), "LD_LIBRARY_PATH=/none"); got != good {
			t.Errorf("%s: %s", at, got)
		}
	}
}

func TestOtherLibrariesAreLookedForBesideTheLibrary(t *testing.T) {
	library, err := mirin.LibraryPath()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	copied := filepath.Join(folder, filepath.Base(library))
	if err := os.WriteFile(copied, data, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"libdnnl.so.3", "libimf.so", "libintlc.so.5", "libtbb.so.12"} {
		if err := os.Symlink(filepath.Join(filepath.Dir(library), name), filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for variable, name := range map[string]string{"MIRIN_TEST_CONVERT": "libmirin_converter.so.1", "MIRIN_TEST_SERVE": "libmirin_serving.so.1"} {
		got := findLibrary(t, own, "MIRIN_LIBRARY_PATH="+folder, variable+"=1")
		if !strings.Contains(got, fmt.Sprintf("%q", copied)) || !strings.Contains(got, "\n  "+folder+"/"+name+": ") {
			t.Error(got)
		}
	}
}

func TestLibraryPathIsFixedOnceOpen(t *testing.T) {
	if _, err := mirin.LibraryPath(); err != nil {
		t.Fatal(err)
	}
	expectCode(t, mirin.SetLibraryPath("/none"), mirin.FailedPrecondition)
}

func TestLibraryTellsOfItself(t *testing.T) {
	version, err := mirin.Version()
	if err != nil || version == "" {
		t.Error(version, err)
	}
	devices, err := mirin.Devices()
	if err != nil || len(devices) < 2 || devices[0].Name == "" || devices[0].Description == "" {
		t.Error(devices, err)
	}
	for _, level := range []mirin.LogLevel{mirin.LogError, mirin.LogOff} {
		if err := mirin.SetLogLevel(level); err != nil {
			t.Error(err)
		}
	}
	expectCode(t, mirin.SetLogLevel(99), mirin.InvalidArgument)
}

func TestLoggerGetsWhatTheLibraryTells(t *testing.T) {
	var mu sync.Mutex
	var messages []string
	logger := func(level mirin.LogLevel, message string) {
		mu.Lock()
		defer mu.Unlock()
		if level < mirin.LogError || level > mirin.LogDebug {
			t.Errorf("level %d", level)
		}
		messages = append(messages, message)
	}
	// listen loads a model with the logger at a level, and gives the number of messages.
	listen := func(level mirin.LogLevel) int {
		t.Helper()
		mu.Lock()
		messages = nil
		mu.Unlock()
		if err := mirin.SetLogLevel(level); err != nil {
			t.Fatal(err)
		}
		load(t, "lenet5")
		if err := mirin.SetLogLevel(mirin.LogOff); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		return len(messages)
	}
	if err := mirin.SetLogger(logger); err != nil {
		t.Fatal(err)
	}
	if n := listen(mirin.LogDebug); n == 0 || messages[0] == "" {
		t.Error("nothing was told")
	}
	if n := listen(mirin.LogOff); n != 0 {
		t.Error("told at the level off:", messages)
	}
	if err := mirin.SetLogger(nil); err != nil {
		t.Fatal(err)
	}
	if n := listen(mirin.LogInfo); n != 0 {
		t.Error("told after the end:", messages)
	}
}

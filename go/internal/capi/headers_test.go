package capi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// cAPI is a path in the folder of the C API.
func cAPI(path string) string {
	folder := os.Getenv("MIRIN_TEST_C_API")
	if folder == "" {
		folder = "../../../c_api"
	}
	return filepath.Join(folder, path)
}

func TestPrototypesAreThoseOfTheHeaders(t *testing.T) {
	for lock, functions := range map[string][]*function{
		"api.lock": coreFunctions, "converter.lock": converterFunctions, "serving.lock": servingFunctions,
	} {
		text, err := os.ReadFile(cAPI(lock)) // a line for each function: the version that brought it, and its prototype
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{}
		for _, line := range strings.Split(string(text), "\n") {
			_, prototype, _ := strings.Cut(line, " ")
			known[prototype] = true
		}
		if len(functions) == 0 {
			t.Errorf("no functions for %s", lock)
		}
		for _, f := range functions {
			if !known[f.prototype] {
				t.Errorf("%s does not have %s", lock, f.prototype)
			}
		}
	}
}

// A call has as many arguments as the function has parameters, and no status is dropped. Arguments in a slice are as many as its
// upper bound says, or else one.
func TestCallsFitThePrototypes(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	if folder := os.Getenv("MIRIN_TEST_CAPI_SOURCES"); folder != "" {
		if paths, err = filepath.Glob(folder + "/*.go"); err != nil {
			t.Fatal(err)
		}
	}
	var files []*ast.File
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	prototypes := map[string]string{}
	inspect(files, func(n *ast.ValueSpec) {
		for i, value := range n.Values {
			if call, ok := value.(*ast.CallExpr); ok && len(call.Args) == 1 {
				if literal, ok := call.Args[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
					prototypes[n.Names[i].Name], _ = strconv.Unquote(literal.Value)
				}
			}
		}
	})
	called := map[string]bool{}
	inspect(files, func(n *ast.CallExpr) {
		selector, ok := n.Fun.(*ast.SelectorExpr)
		if !ok || selector.Sel.Name != "call" && selector.Sel.Name != "status" {
			return
		}
		name, ok := selector.X.(*ast.Ident)
		if !ok || prototypes[name.Name] == "" {
			return // a function that was handed over
		}
		prototype := prototypes[name.Name]
		called[name.Name] = true
		_, parameters, _ := strings.Cut(prototype, "(")
		want := strings.Count(parameters, ",") + 1
		if parameters == "void)" {
			want = 0
		}
		got := len(n.Args)
		if n.Ellipsis.IsValid() {
			if slice, ok := n.Args[0].(*ast.SliceExpr); ok {
				if literal, ok := slice.High.(*ast.BasicLit); ok {
					got, _ = strconv.Atoi(literal.Value)
				}
			}
		}
		if got != want {
			t.Errorf("%d arguments for %s", got, prototype)
		}
		if isStatus := strings.HasPrefix(prototype, "mirin_status* "); isStatus != (selector.Sel.Name == "status") {
			t.Errorf("%s.%s: %s", name.Name, selector.Sel.Name, prototype)
		}
	})
	if len(prototypes) != len(coreFunctions)+len(converterFunctions)+len(servingFunctions) || len(called) < 40 {
		t.Errorf("found %d prototypes, %d of them called", len(prototypes), len(called))
	}
}

func inspect[N ast.Node](files []*ast.File, see func(N)) {
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if n, ok := n.(N); ok {
				see(n)
			}
			return true
		})
	}
}

// A C compiler says what the headers have, in the words that layout has for Go.
func TestStructsAreThoseOfTheHeaders(t *testing.T) {
	want := fmt.Sprintf("%d.%d, rank %d\n", apiMajor, apiMinor, MaxRank)
	source := `#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "mirin/mirin.h"
#include "mirin/server.h"
int main(void) {
mirin_log_sink sink = (void (*)(mirin_log_level, const char*, void*))0;
(void)sink;
printf("%d.%d, rank %d\n", MIRIN_API_MAJOR, MIRIN_API_MINOR, MIRIN_MAX_RANK);
`
	for name, value := range map[string]any{
		"mirin_model_options":    newModelOptions(),
		"mirin_session_options":  newSessionOptions(),
		"mirin_pool_options":     newPoolOptions(),
		"mirin_run_options":      newRunOptions(),
		"mirin_servable_options": newServableOptions(),
		"mirin_listen_options":   newListenOptions(),
	} {
		go_, c := layout(t, name, reflect.ValueOf(value))
		want += go_
		source += c
	}
	folder := t.TempDir()
	file, program := filepath.Join(folder, "layout.c"), filepath.Join(folder, "layout")
	if err := os.WriteFile(file, []byte(source+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("cc", "-std=c11", "-Wall", "-Werror", "-I", cAPI("include"), "-o", program, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	got, err := exec.Command(program).CombinedOutput()
	if err != nil || string(got) != want {
		t.Errorf("the headers have (%v)\n%s\nthe package has\n%s", err, got, want)
	}
}

// layout describes a struct with its defaults, and gives C code that does so: each field's place, size and default.
func layout(t *testing.T, name string, value reflect.Value) (text, c string) {
	t.Helper()
	kind := value.Type()
	text = fmt.Sprintf("%s %d\n", name, kind.Size())
	c = fmt.Sprintf("{ %s o = %s_INIT; printf(\"%s %%zu\\n\", sizeof o);\n", name, strings.ToUpper(name), name)
	for i := range kind.NumField() {
		field, initial := kind.Field(i), int64(0)
		switch v := value.Field(i); {
		case v.CanInt():
			initial = v.Int()
		case v.CanUint():
			initial = int64(v.Uint())
		case v.Kind() == reflect.Bool:
			if v.Bool() {
				initial = 1
			}
		default:
			t.Fatalf("%s.%s is of no kind that C has", name, field.Name)
		}
		member := ""
		for _, r := range field.Name {
			if unicode.IsUpper(r) {
				member += "_"
			}
			member += string(unicode.ToLower(r))
		}
		text += fmt.Sprintf("  %s at %d, %d bytes, %d\n", member, field.Offset, field.Type.Size(), initial)
		c += fmt.Sprintf("printf(\"  %s at %%zu, %%zu bytes, %%lld\\n\", offsetof(%s, %s), sizeof o.%s, (long long)(intptr_t)o.%s);\n",
			member, name, member, member, member)
	}
	return text, c + "}\n"
}

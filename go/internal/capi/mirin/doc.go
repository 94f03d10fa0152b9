// Package headers is the folder where a released module carries the headers of Mirin's C API. The file is here so that
// "go mod vendor" takes the folder along.
package headers

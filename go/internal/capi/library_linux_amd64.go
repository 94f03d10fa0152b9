package capi

import _ "mirin.dev/go/internal/lib/linux_amd64" // the run path to the libraries of a released module

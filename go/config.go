package mirin

import "mirin.dev/go/internal/capi"

// A Config is settings by name: the sections and keys of MindSpore Lite's run-time configuration files. Those that have no effect
// on the devices of this build are accepted and said in the log; unknown ones are InvalidArgument.
type Config struct {
	File     string                       // a file with lines "key=value" below a "[section]"; "": none
	Settings map[string]map[string]string // values by section and key; they replace those of the file
}

// convert makes C's object, which is the caller's; none for nil.
func (c *Config) convert() (capi.Config, error) {
	if c == nil {
		return capi.Config{}, nil
	}
	config, status := capi.NewConfig()
	if err := check(status); err != nil {
		return capi.Config{}, err
	}
	if err := c.fill(config); err != nil {
		config.Destroy()
		return capi.Config{}, err
	}
	return config, nil
}

func (c *Config) fill(config capi.Config) error {
	if c.File != "" {
		if err := checkTexts("path", c.File); err != nil {
			return err
		}
		if err := check(config.LoadFile(c.File)); err != nil {
			return err
		}
	}
	for section, values := range c.Settings {
		for key, value := range values {
			if err := checkTexts("setting", section, key, value); err != nil {
				return err
			}
			if err := check(config.Set(section, key, value)); err != nil {
				return err
			}
		}
	}
	return nil
}

package plan

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func validator(t *testing.T) func(data []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("plan.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("plan.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(data []byte) error {
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			return err
		}
		return compiled.Validate(instance)
	}
}

func TestSchemaAccepts(t *testing.T) {
	check := validator(t)
	for name, d := range map[string]*Document{
		"sample": sample(t),
		"empty":  {Header: Header{CreatedAt: time.Unix(0, 0), Destination: Destination{Path: "/b", Create: true}, PruneOnly: true}},
		"large":  large(t, 500),
	} {
		if err := check(encode(t, d)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchemaRefuses: what the schema refuses, reading refuses too.
func TestSchemaRefuses(t *testing.T) {
	check := validator(t)
	text := string(encode(t, sample(t)))
	for _, c := range [][2]string{
		{`"phlb-plan"`, `"x"`}, {`"format_version":"1.0"`, `"format_version":"2.0"`}, {`"applyable":true,`, ``},
		{`"id":"7f0c"`, `"id":7`}, {`"generation":41`, `"generation":-1`}, {`"path":"/mnt/backup"`, `"path":null`},
		{`"path":"/mnt/backup"`, `"path":"/a","path_b64":"YQ=="`}, {`"parent":"home/2026-11-22-140000",`, ``},
		{`"status":"passed"`, `"status":"x"`}, {`"limit":20`, `"limit":null`}, {`"action":"mkdir"`, `"action":"x"`},
		{`"mode":"0755"`, `"mode":"755"`}, {`"mode":"0755"`, `"mode":755`}, {`"mode":"0755",`, ``}, {`"uid":1000`, `"uid":4294967296`},
		{`"ino":18446744073709551615`, `"ino":18446744073709551616`}, {`"mtime_ns":1795442400000000005`, `"mtime_ns":"1"`},
		{`"target":"docs/a.txt",`, ``}, {`"change":"new"`, `"change":"x"`}, {`"user.b":"eA=="`, `"user.b":1`}, {`"sha256":"0a`, `"sha256":"0`},
		{`"docs/old.txt"`, `1`}, {`"reasons":["newest"]`, `"reasons":[1]`}, {`"frees_bytes":123}`, `"frees_bytes":"1"}`}, {`"digest":"xxh64`, `"digest":"md5`},
	} {
		edited := strings.Replace(text, c[0], c[1], 1)
		if edited == text {
			t.Errorf("the sample has no %s", c[0])
		}
		if check([]byte(edited)) == nil {
			t.Errorf("%s -> %s: the schema accepts it", c[0], c[1])
		}
		if c[0] != `"digest":"xxh64` {
			edited = string(resealed(edited))
		}
		if _, err := readAll([]byte(edited)); err == nil {
			t.Errorf("%s -> %s: reading accepts it", c[0], c[1])
		}
	}
}

package manpage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Keys describes the keys of a file by its JSON Schema: a section of the keys
// at the top, and one for each list of objects there. Keys stand in the
// schema's order; those of objects within are written with a dot between.
func Keys(schema []byte) ([]Section, error) {
	var top node
	if err := json.Unmarshal(schema, &top); err != nil {
		return nil, fmt.Errorf("read JSON Schema: %w", err)
	}
	k := &keys{defs: map[string]*node{}}
	for _, m := range top.Defs {
		k.defs["#/$defs/"+m.name] = &m.node
	}
	main := Section{Title: "KEYS"}
	if err := k.list(&main, &top, ""); err != nil {
		return nil, err
	}
	all := []Section{main}
	for _, m := range top.Properties {
		if m.node.Items == nil {
			continue
		}
		s := Section{Title: "KEYS OF " + strings.ToUpper(m.name)}
		item, err := k.resolve(m.node.Items)
		if err != nil {
			return nil, err
		}
		if err := k.list(&s, item, ""); err != nil {
			return nil, err
		}
		if len(s.parts) > 0 {
			all = append(all, s)
		}
	}
	return all, nil
}

// node is what the page tells of a schema.
type node struct {
	Type        string          `json:"type"`
	Description string          `json:"description"`
	Default     json.RawMessage `json:"default"`
	Const       json.RawMessage `json:"const"`
	Enum        []string        `json:"enum"`
	Ref         string          `json:"$ref"`
	AnyOf       []node          `json:"anyOf"`
	AllOf       []node          `json:"allOf"`
	Items       *node           `json:"items"`
	Required    []string        `json:"required"`
	Properties  members         `json:"properties"`
	Defs        members         `json:"$defs"`
}

// members are an object's, in their order.
type members []member

type member struct {
	name string
	node node
}

// UnmarshalJSON reads an object, which a map would shuffle.
func (m *members) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("an object is wanted, not %v (%w)", t, err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		one := member{name: fmt.Sprint(name)}
		if err := d.Decode(&one.node); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		*m = append(*m, one)
	}
	return nil
}

type keys struct{ defs map[string]*node }

// variable is the definition that stands beside every type but text: it is
// told once, not at every key.
const variable = "#/$defs/variable"

// resolve follows a reference; what stands beside it has precedence.
func (k *keys) resolve(n *node) (*node, error) {
	if n.Ref == "" {
		return n, nil
	}
	def := k.defs[n.Ref]
	if def == nil {
		return nil, fmt.Errorf("the JSON Schema has no %s", n.Ref)
	}
	whole := *def
	if n.Description != "" {
		whole.Description = n.Description
	}
	if n.Default != nil {
		whole.Default = n.Default
	}
	return &whole, nil
}

// list adds an item for each key of an object.
func (k *keys) list(s *Section, object *node, prefix string) error {
	for _, m := range object.Properties {
		n, err := k.resolve(&m.node)
		if err != nil {
			return err
		}
		kind, err := k.kind(&m.node)
		if err != nil {
			return err
		}
		notes := []string{kind}
		if slices.Contains(object.Required, m.name) {
			notes = append(notes, "required")
		}
		if n.Default != nil {
			notes = append(notes, "default "+strings.Trim(string(n.Default), `"`))
		}
		s.Item(Bold(prefix+m.name)+Plain(" ("+strings.Join(notes, ", ")+")"), n.Description)
		if prefix == "" && m.name == "defaults" {
			continue // its keys are those of a source
		}
		if err := k.list(s, n, prefix+m.name+"."); err != nil {
			return err
		}
	}
	return nil
}

// kind names a type in a word or two: a definition's name, where it has one
// that is not a key's.
func (k *keys) kind(n *node) (string, error) {
	if name := strings.TrimPrefix(n.Ref, "#/$defs/"); name != n.Ref && !strings.HasPrefix(name, "key_") {
		return word(name), nil
	}
	n, err := k.resolve(n)
	if err != nil {
		return "", err
	}
	switch {
	case n.Ref != "":
		return k.kind(n)
	case len(n.Enum) > 0:
		return strings.Join(n.Enum, "|"), nil
	case len(n.AllOf) > 0:
		return k.kind(&n.AllOf[0]) // what follows narrows it
	case len(n.AnyOf) > 0:
		return k.kinds(n.AnyOf)
	case n.Items != nil:
		item, err := k.kind(n.Items)
		return "list of " + item, err
	case n.Const != nil:
		return string(n.Const), nil
	case n.Type == "object":
		return "map", nil
	}
	return word(n.Type), nil
}

// word is a type as people call it.
func word(kind string) string {
	switch kind {
	case "string":
		return "text"
	case "sentinel":
		return "path"
	case "integer":
		return "number"
	}
	return kind
}

// kinds names alternatives.
func (k *keys) kinds(list []node) (string, error) {
	var names []string
	for i := range list {
		if list[i].Ref == variable {
			continue
		}
		name, err := k.kind(&list[i])
		if err != nil {
			return "", err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or "), nil
}

package main

import (
	"context"
	"errors"
	"fmt"
)

// contend leads one contender through all scenarios on a site of its own.
func (b *bench) contend(ctx context.Context, set *dataset, round int, c contender) (err error) {
	s, err := b.place.open(ctx, c.name())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.settle(ctx, c); err != nil {
		return err
	}
	if err := c.setup(ctx, s); err != nil {
		return err
	}
	for _, scenario := range set.scenarios(b.o) {
		if !c.joins(scenario) {
			continue
		}
		if err := b.play(ctx, set, round, c, s, scenario); err != nil {
			return fmt.Errorf("%s: %w", scenario, err)
		}
	}
	return nil
}

func (b *bench) play(ctx context.Context, set *dataset, round int, c contender, s *site, scenario string) error {
	if scenario == day {
		if err := s.nextDay(ctx); err != nil {
			return err
		}
		if err := s.settle(ctx, c); err != nil {
			return err
		}
	}
	trials, err := c.trials(ctx, s, scenario)
	if err != nil {
		return err
	}
	for _, t := range trials {
		r, err := b.try(ctx, s, t)
		if err != nil {
			return err
		}
		r.Data, r.Scenario, r.Contender, r.Round = set.name, set.label(scenario), t.as, round
		if set.wanted(b.o, scenario) {
			b.report.Records = append(b.report.Records, r)
			b.log("%s round %d/%d: %-10s %-13s %8.2f s", set.name, round, b.o.rounds, r.Scenario, t.as, r.Total.Wall)
		}
		if err := b.checkTrial(ctx, round, t); err != nil {
			return fmt.Errorf("check of %s: %w", t.as, err)
		}
	}
	return nil
}

func (b *bench) checkTrial(ctx context.Context, round int, t trial) error {
	if t.check == nil || !b.o.checks(round) {
		return nil
	}
	if err := t.check(ctx); err != nil {
		return err
	}
	b.report.Checked++
	return nil
}

// try measures one trial, with everything it reads in the cache and nothing
// left to write from before.
func (b *bench) try(ctx context.Context, s *site, t trial) (record, error) {
	reads := t.reads
	if reads == "" {
		reads = s.src
	}
	if err := warm(ctx, reads); err != nil {
		return record{}, err
	}
	before, err := t.usage(s)
	if err != nil {
		return record{}, err
	}
	if err := cmd("sync").run(ctx); err != nil {
		return record{}, err
	}
	r, err := b.measure(ctx, t.parts)
	if err != nil {
		return r, err
	}
	after, err := t.usage(s)
	r.Growth = after.minus(before)
	return r, err
}

func (b *bench) measure(ctx context.Context, parts []part) (record, error) {
	var r record
	for _, p := range parts {
		c, err := b.meter.measure(ctx, p.commands)
		if err != nil {
			return r, err
		}
		r.Parts = append(r.Parts, partCost{p.name, c})
		r.Synced += c.Wall
		if !p.beside {
			r.Total = r.Total.plus(c)
		}
	}
	return r, nil
}

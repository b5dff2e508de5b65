package main

import "context"

func labs(ctx context.Context, o options) error { return nil }

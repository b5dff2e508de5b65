package main

func (r *Results) SVG() string { return "" }

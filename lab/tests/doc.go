// Package tests proves lvsdeploy on real machines: it boots the lab, runs the
// program as a user does, and looks at what became of the machines. Its tests
// need the build tag lab; `make lab-test` runs them.
//
// It may import package lab and nothing else of this module: what it tests, it
// tests from outside.
package tests

package engine

// ConfirmScript is for tests that run it by itself.
var ConfirmScript = confirmScript

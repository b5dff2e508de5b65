package main

// nonblock is for pipes in the file system; there are none on Windows.
const nonblock = 0

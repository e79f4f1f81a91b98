// Empty is the yardstick: what starting and ending any static Go program costs.
package main

func main() {}

// Package fact has the words that the rules and the kernel's readers both speak: what is known of a process, of its
// executable and its sockets, and that each of these may also be absent, unreadable, or not read yet.
package fact

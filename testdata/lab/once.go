package lab

import "sync"

// once makes things that hosts share, each at the first request for it.
type once struct {
	mu    sync.Mutex
	makes map[string]func() (string, error)
}

// get returns the path of a thing, which whoever comes first makes.
func (o *once) get(name string, path func() (string, error)) (string, error) {
	o.mu.Lock()
	if o.makes == nil {
		o.makes = map[string]func() (string, error){}
	}
	one := o.makes[name]
	if one == nil {
		one = sync.OnceValues(path)
		o.makes[name] = one
	}
	o.mu.Unlock()
	return one()
}

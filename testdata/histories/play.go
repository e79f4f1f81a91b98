package histories

// Play lets a history happen, and asks all questions at its end; some steps ask, too.
// It gives what has become of the world.
func (l *Lab) Play(history []Step) (*world, error) {
	w, err := l.reset()
	if err != nil {
		return l.world(), err
	}
	for _, s := range history {
		if err := steps[s.Do].do(w, s); err != nil {
			return w, err
		}
	}
	return w, w.ask()
}

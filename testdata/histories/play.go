package histories

// Play lets a history happen, and asks all questions at its end; some steps ask, too.
// It gives what has happened.
func (l *Lab) Play(history []Step) (told []string, err error) {
	w, err := l.reset()
	if err != nil {
		return nil, err
	}
	for _, s := range history {
		if err := steps[s.Do].do(w, s); err != nil {
			return w.told, err
		}
	}
	return w.told, w.ask()
}

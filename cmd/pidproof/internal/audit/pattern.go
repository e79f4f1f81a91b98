package audit

import "pidproof/cmd/pidproof/internal/lazyregexp"

type pattern = lazyregexp.Expression

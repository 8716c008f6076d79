package store

import (
	"context"
	"fmt"
)

// Schema returns the version of the database's schema, 0 for an empty database, and the version that
// [Store.Migrate] would bring it to.
func (s *Store) Schema(ctx context.Context) (current, latest int64, err error) {
	current, err = s.schema(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the version of the schema: %w", classify(err))
	}
	return current, latestSchema(s.engine), nil
}
